package node

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/parascope/parascope/internal/collect/page"
	"github.com/parascope/parascope/internal/collect/read"
	"github.com/parascope/parascope/internal/collect/total"
)

const netColumns = 16

func netFamily(key string, full bool) *page.Family {
	unit := "1"
	if key == "receive_bytes" || key == "transmit_bytes" {
		unit = "bytes"
	}
	return &page.Family{
		Name: "node_network_" + key + "_total", Help: "Network device statistic " + key + ".", Type: page.Counter, Unit: unit,
		Labels: []string{"device"}, Source: "/proc/net/dev", Full: full,
	}
}

// netFamilies are the columns of /proc/net/dev after the name.
var netFamilies = [netColumns]*page.Family{
	netFamily("receive_bytes", false),
	netFamily("receive_packets", true),
	netFamily("receive_errs", false),
	netFamily("receive_drop", false),
	netFamily("receive_fifo", true),
	netFamily("receive_frame", true),
	netFamily("receive_compressed", true),
	netFamily("receive_multicast", true),
	netFamily("transmit_bytes", false),
	netFamily("transmit_packets", true),
	netFamily("transmit_errs", false),
	netFamily("transmit_drop", false),
	netFamily("transmit_fifo", true),
	netFamily("transmit_colls", true),
	netFamily("transmit_carrier", true),
	netFamily("transmit_compressed", true),
}

// netdev serves physical cards: on a machine with EFA the one of the default route,
// and the others' sum as device="all".
var netdev = page.Collector{
	Name:     "netdev",
	Families: netFamilies[:],
	Sources:  []string{"/proc/net/dev", "/proc/net/route", "/sys/class/net/*/device", "/sys/class/infiniband"},
	Open: func(e page.Env) (page.Reader, error) {
		f, err := read.Open(e.Proc("net/dev"))
		if err != nil {
			return nil, err
		}
		return &netReader{
			file: f, cards: e.Sys("class/net"), efaDir: e.Sys("class/infiniband"), routesPath: e.Proc("net/route"),
			each: e.EachDevice, now: e.Now, physical: map[string]string{},
		}, nil
	},
}

type netReader struct {
	file          *read.File
	buf, routeBuf []byte
	cards         string
	efaDir        string
	efa           bool
	lookedAt      time.Time // for EFA
	routesPath    string
	routes        *read.File // nil before it is needed
	main          []byte     // the card of the last default route
	each          bool
	now           func() time.Time
	physical      map[string]string // its name by name; empty if it is virtual

	rows   []netRow
	others total.Sum
}

type netRow struct {
	name   string
	values [netColumns]float64
}

// lookAgain is how long what sysfs says of the machine's kind is believed.
const lookAgain = time.Minute

func (r *netReader) Close() error {
	err := r.file.Close()
	if r.routes != nil {
		err = errors.Join(err, r.routes.Close())
	}
	return err
}

func (r *netReader) Read(p *page.Page) error {
	text, err := r.file.Read(&r.buf)
	if err != nil {
		return err
	}
	if !read.Whole(text) {
		return fmt.Errorf("/proc/net/dev ends in the middle of a line, after %d bytes", len(text))
	}
	main := r.mainCard()
	r.rows = r.rows[:0]
	r.others.Begin(netColumns)
	for {
		line, ok := read.Line(&text)
		if !ok {
			break
		}
		colon := bytes.LastIndexByte(line, ':')
		if colon < 0 {
			continue // a heading
		}
		if err := r.line(read.Trim(line[:colon]), line[colon+1:], main); err != nil {
			return err
		}
	}
	if totals, n := r.others.End(); n > 0 {
		row := netRow{name: "all"}
		copy(row.values[:], totals)
		r.rows = append(r.rows, row)
	}
	for i, f := range netFamilies {
		for j := range r.rows {
			p.Sample(f, r.rows[j].values[i], r.rows[j].name)
		}
	}
	return nil
}

// line takes one card's line. Where there is a main card, the others are added up.
func (r *netReader) line(card, numbers, main []byte) error {
	name := r.cardName(card)
	if name == "" {
		return nil
	}
	var values [netColumns]uint64
	for i := range values {
		v, ok := read.UintField(&numbers)
		if !ok {
			return fmt.Errorf("/proc/net/dev: %s has %d numbers; expected %d", card, i, netColumns)
		}
		values[i] = v
	}
	if len(main) > 0 && !bytes.Equal(card, main) {
		r.others.Add(card, values[:])
		return nil
	}
	if len(main) > 0 {
		r.others.Follow(card, values[:]) // the default route may move to another card
	}
	row := netRow{name: name}
	for i, v := range values {
		row.values[i] = float64(v)
	}
	r.rows = append(r.rows, row)
	return nil
}

// cardName is the card's name as a string that is kept; empty if it is no physical card.
func (r *netReader) cardName(card []byte) string {
	name, ok := r.physical[string(card)]
	if !ok {
		if len(r.physical) == maxKinds {
			clear(r.physical)
		}
		name = string(card)
		if !r.each && !r.isPhysical(name) {
			name = ""
		}
		r.physical[string(card)] = name
	}
	return name
}

// isPhysical reports whether a device is behind the name. Where sysfs does not know it,
// all but the loopback device are.
func (r *netReader) isPhysical(name string) bool {
	if _, err := os.Stat(filepath.Join(r.cards, name)); err != nil {
		return name != "lo"
	}
	_, err := os.Stat(filepath.Join(r.cards, name, "device"))
	return err == nil
}

// mainCard is the card of the default route on a machine with EFA, the last one where
// there is no such route; none elsewhere.
func (r *netReader) mainCard() []byte {
	if r.each {
		return nil
	}
	if now := r.now(); now.Sub(r.lookedAt).Abs() >= lookAgain {
		r.lookedAt = now
		_, err := os.Stat(r.efaDir)
		r.efa = err == nil
	}
	if !r.efa {
		return nil
	}
	if r.routes == nil {
		f, err := read.Open(r.routesPath)
		if err != nil {
			return r.main
		}
		r.routes = f
	}
	text, err := r.routes.Read(&r.routeBuf)
	if card := defaultRoute(text); err == nil && len(card) > 0 {
		r.main = append(r.main[:0], card...)
	}
	return r.main
}

// defaultRoute is the card of the default route with the lowest metric in the text of
// /proc/net/route.
func defaultRoute(text []byte) (card []byte) {
	lowest := ^uint64(0)
	read.Line(&text) // the heading
	for {
		line, ok := read.Line(&text)
		if !ok {
			return card
		}
		name, _ := read.Field(&line)
		destination, _ := read.Field(&line)
		if string(destination) != "00000000" {
			continue
		}
		for range 4 { // gateway, flags, reference count, use
			read.Field(&line)
		}
		if metric, ok := read.UintField(&line); ok && metric < lowest {
			card, lowest = name, metric
		}
	}
}
