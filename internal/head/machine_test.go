package head

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// machine tells how much time the machine had for this test: of a second in which other processes took three
// quarters of the processors, a quarter of a second. A head that is late by that time is late by its own fault.
type machine struct {
	pids  []int // ours
	total float64
	ours  float64
	idle  float64
	had   time.Duration
	marks []mark
}

// mark is how much time there was until a moment.
type mark struct {
	at  time.Time
	had time.Duration
}

// look notes what there was since the look before.
func (m *machine) look() error {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return err
	}
	line, _, _ := bytes.Cut(stat, []byte("\n"))
	var total, idle, ours float64
	for i, field := range strings.Fields(string(line))[1:9] { // user to steal; what guests take is in user
		n, err := strconv.ParseFloat(field, 64)
		if err != nil {
			return fmt.Errorf("/proc/stat: %w", err)
		}
		total += n
		if i == 3 || i == 4 {
			idle += n
		}
	}
	for _, pid := range m.pids {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return err
		}
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		for _, field := range fields[11:13] { // utime, stime
			n, err := strconv.ParseFloat(field, 64)
			if err != nil {
				return fmt.Errorf("/proc/%d/stat: %w", pid, err)
			}
			ours += n
		}
	}
	now := time.Now()
	if len(m.marks) > 0 {
		if passed := total - m.total; passed > 0 {
			share := min(1, (ours-m.ours+idle-m.idle)/passed)
			m.had += time.Duration(share * float64(now.Sub(m.marks[len(m.marks)-1].at)))
		}
	}
	m.total, m.ours, m.idle = total, ours, idle
	m.marks = append(m.marks, mark{now, m.had})
	return nil
}

// between is how much time there was between two moments, in milliseconds of the Unix time.
func (m *machine) between(from, to int64) time.Duration {
	return m.until(to) - m.until(from)
}

func (m *machine) until(millis int64) time.Duration {
	for i, k := range m.marks {
		if k.at.UnixMilli() < millis {
			continue
		}
		if i == 0 {
			return k.had
		}
		before := m.marks[i-1]
		part := float64(millis-before.at.UnixMilli()) / float64(max(1, k.at.UnixMilli()-before.at.UnixMilli()))
		return before.had + time.Duration(part*float64(k.had-before.had))
	}
	return m.had
}
