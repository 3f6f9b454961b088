package environment

import (
	"bytes"
	"fmt"
	"os"
	"sync"
	"syscall"
)

// output is what a process prints, both streams as one, line by line. It can be
// drained: whatever was printed before is then known, which is needed to tell
// which lines belong to an invocation that has just ended.
type output struct {
	reader *os.File
	raw    syscall.RawConn
	line   func(string) // called with each line, without its end

	mu      sync.Mutex
	partial []byte
	done    chan struct{} // closed when the last line was read
}

// newOutput returns the reading side, which follows at once, and the file that
// the process gets.
func newOutput(line func(string)) (*output, *os.File, error) {
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, nil, fmt.Errorf("could not open a function's output: %w", err)
	}
	raw, err := reader.SyscallConn()
	if err != nil {
		return nil, nil, fmt.Errorf("could not open a function's output: %w", err)
	}
	o := &output{reader: reader, raw: raw, line: line, done: make(chan struct{})}
	go o.follow()
	return o, writer, nil
}

// follow reads until nobody has the writing side any more, or close.
func (o *output) follow() {
	defer close(o.done)
	o.raw.Read(func(fd uintptr) bool { return o.take(fd) }) // an error means that it is closed
}

// drain takes what is in the pipe now, a line without an end too. It works beside
// follow, which holds the file for reading: RawConn.Control does not wait for that.
func (o *output) drain() {
	o.raw.Control(func(fd uintptr) { o.take(fd) }) // an error means that it is closed
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.partial) > 0 {
		o.line(string(o.partial))
		o.partial = nil
	}
}

// take reads all there is, and reports whether that was the end.
func (o *output) take(fd uintptr) (end bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	buf := make([]byte, 32<<10)
	for {
		n, err := syscall.Read(int(fd), buf)
		if err == syscall.EINTR {
			continue
		}
		if n <= 0 {
			return err != syscall.EAGAIN
		}
		o.partial = append(o.partial, buf[:n]...)
		for {
			text, rest, found := bytes.Cut(o.partial, []byte("\n"))
			if !found {
				break
			}
			o.line(string(text))
			o.partial = append([]byte(nil), rest...)
		}
	}
}

// close ends the reading.
func (o *output) close() {
	o.drain()
	o.reader.Close() // only read from: nothing can be lost by now
	<-o.done
}
