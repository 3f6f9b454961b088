package gpu

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"
)

// remembered is what outlives this process until the next boot: the kernel's log
// forgets its oldest records, and a counter that fell back when the program started
// again would count its XIDs twice.
type remembered struct {
	Boot        string                   `json:"boot_id"`
	Next        uint64                   `json:"next_sequence"`
	GPUs        map[string]rememberedGPU `json:"gpus"`
	Unreachable map[string]float64       `json:"unreachable"` // since when, in Unix time
}

type rememberedGPU struct {
	Counts [3]uint64       `json:"counts"` // application, warn, page
	Last   map[int]float64 `json:"last"`   // by code, in Unix time
	Newest int             `json:"newest"`
}

// maxRemembered bounds the file, in bytes.
const maxRemembered = 1 << 20

// recall takes in what a process before this one left, unless the machine was started since.
func (r *reader) recall() {
	f, err := os.Open(r.o.StateFile)
	if err != nil {
		return // there was none
	}
	defer f.Close()
	var m remembered
	if err := json.NewDecoder(io.LimitReader(f, maxRemembered)).Decode(&m); err != nil {
		r.env.Logger.Warn("could not read the saved XID counts; only XIDs in the kernel log are counted",
			"file", r.o.StateFile, "err", err)
		return
	}
	if m.Boot == "" || m.Boot != r.bootID() || len(m.GPUs) > maxGPUs {
		return
	}
	for address, g := range m.GPUs {
		if key, ok := busKey(address); ok && len(g.Last) <= maxCodes {
			r.xids[key] = &xids{counts: g.Counts, last: g.Last, newest: g.Newest}
		}
	}
	for address, since := range m.Unreachable {
		if key, ok := busKey(address); ok {
			r.blocked[key] = block{reason: unreachableGPU, since: unixTime(since)}
		}
	}
	r.log.any, r.log.next = true, m.Next
}

// remember leaves what has changed for the process after this one.
func (r *reader) remember() {
	if !r.changed {
		return
	}
	r.changed = false
	m := remembered{Boot: r.bootID(), Next: r.log.next, GPUs: map[string]rememberedGPU{}, Unreachable: map[string]float64{}}
	for key, x := range r.xids {
		m.GPUs[key] = rememberedGPU{x.counts, x.last, x.newest}
	}
	for key, b := range r.blocked {
		if b.reason == unreachableGPU {
			m.Unreachable[key] = float64(b.since.UnixNano()) / 1e9
		}
	}
	text, err := json.Marshal(m)
	if err == nil {
		err = replaceFile(r.o.StateFile, text)
	}
	if err != nil {
		r.env.Logger.Warn("could not save the XID counts; they are lost when parascope-node restarts", "file", r.o.StateFile, "err", err)
	}
}

func (r *reader) bootID() string {
	text, err := readSmall(r.env.Proc("sys/kernel/random/boot_id"))
	if err != nil {
		return ""
	}
	return string(bytes.TrimSpace(text))
}

// replaceFile writes a file as a whole, and its directory if there is none.
func replaceFile(path string, content []byte) error {
	dir, name := filepath.Split(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, name+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

func unixTime(at float64) time.Time {
	seconds := int64(at)
	return time.Unix(seconds, int64((at-float64(seconds))*1e9))
}
