package refused

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/parascope/parascope/internal/queue"
	"github.com/parascope/parascope/localaws/localtest/check"
)

// unwritable makes the lane's directory of what waits apart one that another user may only read.
func (l *lab) unwritable() {
	lane := filepath.Join(l.dir, "lane-00")
	apart := filepath.Join(lane, "apart")
	segments, err := filepath.Glob(filepath.Join(apart, "*"))
	for _, path := range segments {
		err = errors.Join(err, os.Chmod(path, 0o644))
	}
	err = errors.Join(err, os.MkdirAll(apart, 0o755), os.Chmod(apart, 0o755), os.Chmod(lane, 0o777), os.Chmod(filepath.Dir(l.dir), 0o755))
	if err != nil {
		l.t.Fatal(err)
	}
	l.own.DiskTrouble, l.own.DiskFailed = func(error) {}, func(error) {}
	l.area.Lane = l.own
}

// TestNothingCanBePutApart: samples that the receiver may have taken, of a request of which it refused some, are
// uncertain. Those are dropped that it refused, or was not sent.
func TestNothingCanBePutApart(t *testing.T) {
	l := newLab(t)
	l.refuse = func(i int) string {
		if i < 3 {
			return ""
		}
		return cortexUserLimit
	}
	l.unwritable()
	check.AsNobody(t, func() {
		for range 10 {
			l.scrape(10)
			l.pass(time.Second)
		}
	})
	want := queue.Ledger{Taken: 100}
	want.Uncertain[queue.SeriesLimit] = 100
	if got := l.queue.Ledger(); got != want {
		t.Errorf("ledger %+v, want %+v", got, want)
	}
	if len(l.stored[0]) != 10 || l.area.Held() > 0 {
		t.Errorf("the receiver has %d samples of an accepted series; %d series are held", len(l.stored[0]), l.area.Held())
	}

	e, ok, err := queue.Entry{}, false, error(nil)
	check.AsNobody(t, func() {
		b, buf := record(l.points(10))
		if err = l.lane.Append(b, buf); err == nil {
			e, ok, err = l.lane.Peek(10, 1<<20)
		}
	})
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	all := l.points(10)
	var o queue.Outcome
	check.AsNobody(t, func() {
		o = l.area.Put(e, queue.Outcome{Delivered: 2}, []Refusal{{Raw: join(all[2:3]), Alone: true}, {Raw: join(all[3:7]), Mixed: true},
			{Raw: join(all[7:])}})
	})
	more := queue.Outcome{Delivered: 2}
	more.Uncertain[queue.SeriesLimit], more.Dropped[queue.Disk] = 4, 4
	want.Taken += 10
	want.Add(queue.Ledger{Outcome: more})
	if got := l.queue.Ledger(); got != want || o != more {
		t.Errorf("ledger %+v, want %+v; outcome %+v", got, want, o)
	}
}

// TestNothingCanBeSettled: what the receiver took of what waits apart, and cannot be noted as taken, is uncertain in the
// end, and not dropped.
func TestNothingCanBeSettled(t *testing.T) {
	l := newLab(t)
	l.segment = 1 // a note needs a new one
	l.open()
	for range 3 {
		b, buf := record(l.points(7))
		if err := l.lane.Append(b, buf); err != nil {
			t.Fatal(err)
		}
		e, ok, err := l.lane.Peek(7, 1<<20)
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		var alone []Refusal
		for i, p := range l.points(7) {
			l.names[p.Series] = i
			alone = append(alone, Refusal{Raw: p.Framed, Alone: true})
		}
		l.area.Put(e, queue.Outcome{}, alone)
		l.now += time.Second
	}
	l.unwritable()
	check.AsNobody(t, func() { l.pass(61 * time.Minute) })
	want := queue.Ledger{Taken: 21}
	want.Uncertain[queue.SeriesLimit] = 21
	if got := l.queue.Ledger(); got != want || len(l.stored[0]) == 0 {
		t.Errorf("ledger %+v, want %+v; %d samples of a series were stored", got, want, len(l.stored[0]))
	}
}
