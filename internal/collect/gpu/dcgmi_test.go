package gpu

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/internal/collect/gpu/fakenvml"
)

// dcgmi prints as version 4.5 does, then as long as its pipe is open.
const dcgmi = `#!/bin/sh
[ "$*" = "dmon -e 1002,1004,1005 -d 15000" ] || { echo "Unknown Field ID"; exit 1; }
cat <<'EOF'
#Entity         SMACT        TENSO        DRAMA        
ID                                                     
GPU 0           N/A          N/A          N/A          
GPU 1           0.500        0.400        0.300        
GPU-I 0         0.412        0.000                     
GPU 0           0.985        0.570        0.250        
GPU 1           0.910                     0.300        
EOF
exec cat PIPE
`

func TestDCGMI(t *testing.T) {
	n := newNode(t, fakenvml.A100(0))
	pipe, script := filepath.Join(n.root, "pipe"), filepath.Join(n.root, "dcgmi")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(script, []byte(strings.Replace(dcgmi, "PIPE", pipe, 1)), 0o755); err != nil {
		t.Fatal(err)
	}
	n.reader.o.DCGMI = script
	n.text()
	n.window(fakenvml.A100(1))
	d := n.reader.dmon
	if d == nil {
		t.Fatalf("dcgmi was not started:\n%s", n.log.String())
	}
	for d.snapshot()[1].values["2"].Number != 0.91 {
		select {
		case <-d.changed:
		case <-d.ended:
			t.Fatal("dcgmi ended")
		}
	}
	n.window(fakenvml.A100(2))
	want := map[string]float64{"SM_ACTIVE 0": 0.985, "PIPE_TENSOR_ACTIVE 0": 0.57, "DRAM_ACTIVE 0": 0.25, "SM_ACTIVE 1": 0.91,
		"DRAM_ACTIVE 1": 0.3}
	got := map[string]float64{}
	all := n.samples("")
	for name, v := range all {
		if metric := between(name, "DCGM_FI_PROF_", "{"); metric != "" {
			got[metric+" "+between(name, `gpu="`, `"`)] = v
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	value(t, all, `parascope_gpu_profiling{source="dcgmi",reason=""}`)

	// nv-hostengine stops: dcgmi ends, and is started again a minute later.
	w, err := os.OpenFile(pipe, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	<-d.ended
	n.window(fakenvml.A100(3))
	n.window(fakenvml.A100(4))
	if len(n.samples("DCGM_FI_PROF_")) != 0 {
		t.Error("profiling values of a dcgmi that ended")
	}
	value(t, n.samples(""), `parascope_gpu_profiling{source="none",reason="no_hostengine"}`)
	n.pass(time.Minute)
	n.window(fakenvml.A100(5))
	if n.reader.dmon == nil || n.reader.dmon == d {
		t.Error("dcgmi was not started again")
	}
	if err := Pause(n.reader.o.PauseFile, n.now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	d = n.reader.dmon
	n.window(fakenvml.A100(6))
	<-d.ended // profiling is paused
}

// FuzzDmon: a line gives a GPU and as many cells as the header has columns, or nothing.
func FuzzDmon(f *testing.F) {
	f.Add("#Entity   GRACT        SMACT        DRAMA        ", "GPU 0     N/A          N/A          N/A          ")
	f.Add("#Entity         TMPTR        POWER             GPUTL", "GPU-I 0                                                          10012")
	f.Add("#Entity      TMPTR        POWER", "GPU 7        58           598.114")
	f.Fuzz(func(t *testing.T, header, line string) {
		var table dmonTable
		table.line(header)
		gpu, cells, ok := table.line(line)
		if ok && (gpu < 0 || gpu >= maxGPUs || len(cells) != len(table.columns)) {
			t.Errorf("%q, %q: GPU %d, %d cells", header, line, gpu, len(cells))
		}
	})
}
