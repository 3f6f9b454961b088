package gpu

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"syscall"
)

// record is one message of the kernel's log.
type record struct {
	sequence uint64
	micros   uint64 // since boot
	text     string
}

// parseRecord reads a record as /dev/kmsg gives it: "priority,sequence,microseconds,
// flags;text". Only the kernel's own are records: programs may write to the log too.
func parseRecord(line []byte) (record, bool) {
	head, text, ok := bytes.Cut(line, []byte{';'})
	if !ok {
		return record{}, false
	}
	fields := strings.SplitN(string(head), ",", 5)
	if len(fields) < 4 {
		return record{}, false
	}
	priority, err1 := strconv.ParseUint(fields[0], 10, 32)
	sequence, err2 := strconv.ParseUint(fields[1], 10, 64)
	micros, err3 := strconv.ParseUint(fields[2], 10, 64)
	if err := errors.Join(err1, err2, err3); err != nil || priority>>3 != 0 {
		return record{}, false
	}
	return record{sequence, micros, string(text)}, true
}

// kernelLog reads /dev/kmsg from the oldest record that the kernel still has. Reading
// never waits.
type kernelLog struct {
	fd   int
	rest []byte // of a line that is not complete yet
	next uint64 // the sequence number that follows the last record
	any  bool   // a record has been read
	lost uint64 // records that were overwritten before they were read
	buf  [16384]byte
}

func openKernelLog(path string) (*kernelLog, error) {
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return &kernelLog{fd: fd}, nil
}

// maxReads bounds the records of one drain.
const maxReads = 1 << 16

// drain calls use with each record that has come since. It may be called again after
// an error.
func (k *kernelLog) drain(use func(record)) error {
	for range maxReads {
		n, err := syscall.Read(k.fd, k.buf[:])
		switch {
		case errors.Is(err, syscall.EPIPE): // overwritten: the next read has the oldest there is
			continue
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EAGAIN):
			return nil
		case err != nil:
			return err
		case n <= 0:
			return nil
		}
		k.rest = append(k.rest, k.buf[:n]...)
		k.lines(use)
	}
	return nil
}

// lines uses the complete lines of rest. Lines that begin with a space belong to the
// record before.
func (k *kernelLog) lines(use func(record)) {
	for {
		line, rest, complete := bytes.Cut(k.rest, []byte{'\n'})
		if !complete {
			break
		}
		k.rest = rest
		r, ok := parseRecord(line)
		if !ok {
			k.follow(line)
			continue
		}
		if k.any && r.sequence < k.next {
			continue // read already
		}
		k.count(r.sequence)
		use(r)
	}
	if len(k.rest) > len(k.buf) {
		k.rest = nil // no record is that long
	}
	k.rest = append([]byte(nil), k.rest...)
}

// follow keeps the sequence going over records of programs.
func (k *kernelLog) follow(line []byte) {
	if len(line) == 0 || line[0] == ' ' {
		return
	}
	fields := strings.SplitN(string(line[:min(len(line), 64)]), ",", 3)
	if len(fields) < 3 {
		return
	}
	if sequence, err := strconv.ParseUint(fields[1], 10, 64); err == nil && (!k.any || sequence >= k.next) {
		k.count(sequence)
	}
}

func (k *kernelLog) count(sequence uint64) {
	if k.any && sequence > k.next {
		k.lost += sequence - k.next
	}
	k.any, k.next = true, sequence+1
}

func (k *kernelLog) close() error { return syscall.Close(k.fd) }
