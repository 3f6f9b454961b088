//go:build linux

package units

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// processes starts commands and takes the ends of all processes, those that lost
// their parent among them: the first process of a machine is everybody's parent.
type processes struct {
	mu      sync.Mutex
	waiting map[int]chan syscall.WaitStatus
}

// newProcesses begins to take ends.
func newProcesses() *processes {
	p := &processes{waiting: map[int]chan syscall.WaitStatus{}}
	ends := make(chan os.Signal, 1)
	signal.Notify(ends, syscall.SIGCHLD)
	go func() {
		for range ends {
			p.reap()
		}
	}()
	return p
}

func (p *processes) reap() {
	for {
		p.mu.Lock() // so that an end is not taken before its start is noted
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		done := p.waiting[pid]
		delete(p.waiting, pid)
		p.mu.Unlock()
		if err == syscall.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		if done != nil {
			done <- status
		}
	}
}

// start runs a command; its end comes on the channel.
func (p *processes) start(argv []string, attr *syscall.ProcAttr) (int, <-chan syscall.WaitStatus, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	pid, err := syscall.ForkExec(argv[0], argv, attr)
	if err != nil {
		return 0, nil, &os.PathError{Op: "start", Path: argv[0], Err: err}
	}
	done := make(chan syscall.WaitStatus, 1)
	p.waiting[pid] = done
	return pid, done, nil
}
