package collect

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/parascope/parascope/internal/collect/page"
)

// TestDevicesComeAndGo reads an imitated machine whose CPUs, disks, cards and mounts
// come and go: files, goroutines and memory end where they began. SOAK=1h reads it once a
// second for that long, and not 200 times at once.
func TestDevicesComeAndGo(t *testing.T) {
	root := t.TempDir()
	m := machine{t, root}
	m.turn(0)
	e := page.Env{Root: root, Now: time.Now, Logger: slog.New(slog.DiscardHandler), Textfiles: []string{filepath.Join(root, "text")}}
	s := NewScraper(e, DefaultMaxSeries, NodeCollectors())
	defer s.Close()
	rounds, tick := 200, (<-chan time.Time)(nil)
	if d, err := time.ParseDuration(os.Getenv("SOAK")); err == nil {
		rounds, tick = int(d.Seconds()), time.Tick(time.Second)
	}
	var before usage
	for i := range rounds {
		if tick != nil {
			<-tick
		}
		m.turn(i)
		s.Page(s.all(), func(text []byte) {
			if !strings.Contains(string(text), "\nnode_cpus ") {
				t.Fatalf("round %d: page\n%s", i, text)
			}
		})
		if i == 50 {
			before = used(t)
		}
	}
	after := used(t)
	if after.files > before.files+2 || after.goroutines > before.goroutines+1 || after.heap > before.heap+2<<20 {
		t.Errorf("after %d rounds %+v; after 50 %+v", rounds, after, before)
	}
}

type usage struct {
	files, goroutines int
	heap              uint64
}

func used(t *testing.T) usage {
	t.Helper()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return usage{len(entries), runtime.NumGoroutine(), m.HeapAlloc}
}

// machine is an imitated machine that is another one at each turn.
type machine struct {
	t    *testing.T
	root string
}

func (m machine) write(name, text string) {
	m.t.Helper()
	path := filepath.Join(m.root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		m.t.Fatal(err)
	}
}

func (m machine) turn(i int) {
	var stat, disks, cards, mounts strings.Builder
	for cpu := range 1 + i%4 {
		fmt.Fprintf(&stat, "cpu%d %d 0 0 %d 0 0 0 0 0 0\n", cpu, 10*i, 20*i)
	}
	fmt.Fprintf(&stat, "ctxt %d\n", i)
	cards.WriteString("Inter-|\n face |\n")
	for n := range 1 + i%5 {
		fmt.Fprintf(&disks, " 259 0 nvme%dn1 %d 2 3 4 5 6 7 8 9 10 11\n", (i+n)%300, i)
		fmt.Fprintf(&cards, "eth%d: %d 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n", (i+n)%300, i)
		fmt.Fprintf(&mounts, "22 1 259:1 / /mnt/%d rw - ext4 /dev/x%d rw\n", (i+n)%300, n)
		m.write(fmt.Sprintf("text/%d.prom", n), fmt.Sprintf("job_value{turn=\"%d\"} %d\n", i%300, i))
	}
	if i%7 == 0 {
		if err := os.RemoveAll(filepath.Join(m.root, "text")); err != nil {
			m.t.Fatal(err)
		}
	}
	m.write("proc/stat", stat.String())
	m.write("proc/diskstats", disks.String())
	m.write("proc/net/dev", cards.String())
	m.write("proc/1/mountinfo", mounts.String())
}
