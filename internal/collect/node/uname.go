package node

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/parascope/parascope/internal/collect/page"
)

var unameInfo = &page.Family{
	Name: "node_uname_info", Help: "Labeled system information as provided by the uname system call.", Type: page.Gauge, Unit: "1",
	Labels: []string{"sysname", "release", "version", "machine", "nodename", "domainname"}, Source: "uname",
}

var uname = page.Collector{
	Name:     "uname",
	Families: []*page.Family{unameInfo},
	Sources:  []string{"uname"},
	Open:     func(page.Env) (page.Reader, error) { return &unameReader{}, nil },
}

// unameReader keeps the labels for as long as the kernel's answer stays the same.
type unameReader struct {
	now    unix.Utsname
	last   unix.Utsname
	labels [6]string
}

func (*unameReader) Close() error { return nil }

func (r *unameReader) Read(p *page.Page) error {
	u := &r.now
	if err := unix.Uname(u); err != nil {
		return fmt.Errorf("uname: %w", err)
	}
	if *u != r.last {
		r.last = *u
		for i, field := range []*[65]byte{&u.Sysname, &u.Release, &u.Version, &u.Machine, &u.Nodename, &u.Domainname} {
			r.labels[i] = unix.ByteSliceToString(field[:])
		}
	}
	p.Sample(unameInfo, 1, r.labels[:]...)
	return nil
}
