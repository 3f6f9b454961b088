package gpu

import (
	"bufio"
	"errors"
	"io"
	"maps"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/parascope/parascope/internal/collect/gpu/wire"
)

// dmon is a running dcgmi dmon, which prints a line for each GPU and window.
type dmon struct {
	cmd     *exec.Cmd
	changed chan struct{} // has an element after a line was read
	ended   chan struct{}

	mu   sync.Mutex
	rows map[int]dmonRow // by GPU
}

// dmonRow is the last line of a GPU.
type dmonRow struct {
	end    time.Time
	values map[string]wire.Value // by GPM's number of the metric, in dcgm-exporter's unit
}

// againAfter is how long dcgmi is left alone after it ended: nv-hostengine stops and
// starts, as with the health check of ParallelCluster.
const againAfter = time.Minute

// watchDCGM has a dcgmi dmon running, and takes its lines as windows.
func (r *reader) watchDCGM(now time.Time) {
	if r.dmon != nil {
		select {
		case <-r.dmon.ended:
			r.env.Logger.Info("dcgmi dmon exited; it is restarted in a minute")
			r.dmon, r.dmonAt = nil, now.Add(againAfter)
		default:
		}
	}
	if r.dmon == nil {
		r.startDCGM(now)
	}
	if r.dmon == nil {
		return
	}
	for gpu, row := range r.dmon.snapshot() {
		r.windows[strconv.Itoa(gpu)] = window{end: row.end, values: row.values, converted: true}
	}
}

func (r *reader) startDCGM(now time.Time) {
	if now.Before(r.dmonAt) && r.dmonAt.Sub(now) <= againAfter {
		r.reason = r.dmonWhy
		return
	}
	r.dmonAt = now.Add(againAfter)
	path, err := dcgmiPath(r.o.DCGMI)
	if err != nil {
		r.reason, r.dmonWhy = notSupported, notSupported
		return
	}
	r.dmonWhy = noHostengine
	if r.o.Hostengine {
		r.startHostengine()
	}
	d, err := startDmon(path, r.fields, r.o.Window, r.env.Now)
	if err != nil {
		r.reason = noHostengine
		r.env.Logger.Warn("could not start dcgmi dmon", "err", err)
		return
	}
	r.dmon = d
}

// startHostengine starts the service of the machine image; nothing happens where it
// runs. It does not wait for the service: dcgmi is tried again when it finds none.
func (r *reader) startHostengine() {
	cmd := exec.Command("systemctl", "--no-block", "start", "nvidia-dcgm.service")
	if err := cmd.Start(); err != nil {
		r.env.Logger.Warn("could not start nv-hostengine; run 'systemctl start nvidia-dcgm' to see the cause", "err", err)
		return
	}
	late := time.AfterFunc(r.o.CallWait, func() { cmd.Process.Kill() })
	go func() {
		defer late.Stop()
		if err := cmd.Wait(); err != nil {
			r.env.Logger.Warn("could not start nv-hostengine; run 'systemctl start nvidia-dcgm' to see the cause", "err", err)
		}
	}()
}

// dcgmiPath finds dcgmi.
func dcgmiPath(given string) (string, error) {
	if given == "" {
		given = "dcgmi"
	}
	return exec.LookPath(given)
}

func startDmon(path string, fields []field, every time.Duration, now func() time.Time) (*dmon, error) {
	var ids, metrics []string
	for _, f := range fields {
		if f.dmon != 0 {
			ids = append(ids, strconv.Itoa(f.dmon))
			metrics = append(metrics, strconv.Itoa(f.gpm))
		}
	}
	cmd := exec.Command(path, "dmon", "-e", strings.Join(ids, ","), "-d", strconv.FormatInt(every.Milliseconds(), 10))
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, out.Close())
	}
	d := &dmon{cmd: cmd, changed: make(chan struct{}, 1), ended: make(chan struct{}), rows: map[int]dmonRow{}}
	go d.read(out, metrics, now)
	return d, nil
}

func (d *dmon) read(out io.Reader, metrics []string, now func() time.Time) {
	defer close(d.ended)
	var table dmonTable
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		gpu, cells, ok := table.line(lines.Text())
		if !ok || len(cells) != len(metrics) {
			continue
		}
		row := dmonRow{now(), map[string]wire.Value{}}
		for i, cell := range cells {
			v := wire.Value{Item: metrics[i], Return: wire.NotSupported}
			if number, err := strconv.ParseFloat(cell, 64); err == nil {
				v.Number, v.Return = number, wire.Success
			}
			row.values[metrics[i]] = v
		}
		d.mu.Lock()
		d.rows[gpu] = row
		d.mu.Unlock()
		select {
		case d.changed <- struct{}{}:
		default:
		}
	}
	d.cmd.Process.Kill() // of a line that is too long; otherwise it has ended
	d.cmd.Wait()         // that it ended is all that is asked
}

func (d *dmon) snapshot() map[int]dmonRow {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.rows)
}

func (d *dmon) stop() { d.cmd.Process.Kill() }

// dmonTable cuts the lines of dcgmi dmon. Columns are where the header has their names,
// since a cell may be empty; widths differ between versions of DCGM.
type dmonTable struct{ columns []int }

// line returns the cells of a GPU's line.
func (t *dmonTable) line(line string) (gpu int, cells []string, ok bool) {
	if strings.HasPrefix(line, "#Entity") {
		t.columns = t.columns[:0]
		for i := 1; i < len(line); i++ {
			if line[i] != ' ' && line[i-1] == ' ' {
				t.columns = append(t.columns, i)
			}
		}
		return 0, nil, false
	}
	if len(t.columns) == 0 || len(t.columns) > 64 {
		return 0, nil, false
	}
	cut := func(from, to int) string { return strings.TrimSpace(line[min(from, len(line)):min(to, len(line))]) }
	words := strings.Fields(cut(0, t.columns[0]))
	if len(words) != 2 || words[0] != "GPU" {
		return 0, nil, false // MIG devices, links, units and messages
	}
	gpu, err := strconv.Atoi(words[1])
	if err != nil || gpu < 0 || gpu >= maxGPUs {
		return 0, nil, false
	}
	ends := append(slices.Clone(t.columns[1:]), len(line))
	for i, from := range t.columns {
		cells = append(cells, cut(from, max(from, ends[i])))
	}
	return gpu, cells, true
}
