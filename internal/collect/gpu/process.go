package gpu

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/parascope/parascope/internal/collect/gpu/wire"
)

var (
	errTimeout = errors.New("the call to the GPU driver timed out")
	errEnded   = errors.New("the GPU helper process exited")
	// errEndedIdle is of a helper that was killed between requests: no call is to blame.
	errEndedIdle = errors.New("the GPU helper process exited before the request was sent")
)

// process is a running helper. After an error of ask it is of no more use.
type process struct {
	in      *os.File
	out     *os.File
	answers *bufio.Reader
	kill    func()
}

// starter starts helpers, and knows how many that were killed have not ended: a
// process that hangs in the driver cannot be ended, and must not become many.
type starter struct {
	path    string
	library string
	stuck   *atomic.Int32
}

// maxStuck is how many helpers may hang in the driver before no more are started.
const maxStuck = 3

var errStuck = errors.New("earlier GPU helper processes hang in the driver and cannot be killed")

func (s starter) start() (*process, error) {
	if s.stuck.Load() >= maxStuck {
		return nil, errStuck
	}
	requestsRead, requests, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("could not start the GPU helper process: %w", err)
	}
	answers, answersWrite, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("could not start the GPU helper process: %w", err), requestsRead.Close(), requests.Close())
	}
	cmd := exec.Command(s.path, s.library)
	cmd.Stdin, cmd.Stdout = requestsRead, answersWrite
	err = cmd.Start()
	err = errors.Join(err, requestsRead.Close(), answersWrite.Close())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("could not start the GPU helper process: %w", err), requests.Close(), answers.Close())
	}
	s.stuck.Add(1)
	go func() {
		cmd.Wait() // how it ended says its state; a killed one has no other result
		s.stuck.Add(-1)
	}()
	return &process{in: requests, out: answers, answers: bufio.NewReaderSize(answers, wire.MaxLine),
		kill: func() { cmd.Process.Kill() }}, nil
}

// ask sends a request and returns its answer, which takes at most the given time.
func (p *process) ask(wait time.Duration, request string) (wire.Answer, error) {
	deadline := time.Now().Add(wait)
	if err := errors.Join(p.in.SetWriteDeadline(deadline), p.out.SetReadDeadline(deadline)); err != nil {
		return wire.Answer{}, err
	}
	if _, err := p.in.WriteString(request + "\n"); errors.Is(err, syscall.EPIPE) {
		return wire.Answer{}, errEndedIdle
	} else if err != nil {
		return wire.Answer{}, askError(err)
	}
	var lines []string
	for {
		line, err := p.answers.ReadSlice('\n')
		if err != nil {
			return wire.Answer{}, askError(err)
		}
		if lines = append(lines, strings.TrimSuffix(string(line), "\n")); len(lines) > wire.MaxLines {
			return wire.Answer{}, errors.New("the response of the GPU helper is too long")
		}
		if strings.HasPrefix(lines[len(lines)-1], "end ") {
			return wire.Parse(lines)
		}
	}
}

func askError(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return errTimeout
	}
	return fmt.Errorf("%w: %w", errEnded, err)
}

// close ends the helper. It waits for nothing: one that hangs in the driver ends when
// the driver lets it.
func (p *process) close() error {
	p.kill()
	return errors.Join(p.in.Close(), p.out.Close())
}
