package environment

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/principal"
)

// tailSize is how much of an invocation's log LogType Tail returns.
const tailSize = 4096

// maxPending is how many lines wait for CloudWatch Logs; what is printed faster
// than it can be written is lost, rather than the machine's memory.
const maxPending = 10000

// journal is the log of an execution environment: a stream of its own in
// CloudWatch Logs, written as the function's role, whose permissions decide
// whether there is a log at all.
type journal struct {
	call   gateway.Caller
	role   principal.Principal
	region string
	group  string
	stream string
	now    func() time.Time
	logger *slog.Logger
	kick   chan struct{} // has room for one
	done   chan struct{}

	mu      sync.Mutex
	pending []logEvent
	tail    []byte
	closed  bool
}

type logEvent struct {
	Timestamp int64  `json:"timestamp"`
	Message   string `json:"message"`
}

// start writes in the background until close.
func (j *journal) start(ctx context.Context) {
	j.kick, j.done = make(chan struct{}, 1), make(chan struct{})
	go func() {
		defer close(j.done)
		there := false
		for range j.kick {
			there = j.flush(ctx, there)
		}
	}()
}

// add writes a line.
func (j *journal) add(format string, args ...any) { j.line(fmt.Sprintf(format, args...)) }

func (j *journal) line(text string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	text += "\n"
	j.tail = append(j.tail, text...)
	if len(j.tail) > tailSize {
		j.tail = j.tail[len(j.tail)-tailSize:]
	}
	if j.closed || len(j.pending) == maxPending {
		return
	}
	j.pending = append(j.pending, logEvent{j.now().UnixMilli(), text})
	select {
	case j.kick <- struct{}{}:
	default: // it was kicked already
	}
}

// begin forgets the tail: a new invocation begins.
func (j *journal) begin() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.tail = nil
}

// last is the end of the invocation's log.
func (j *journal) last() []byte {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]byte(nil), j.tail...)
}

// close writes what is left.
func (j *journal) close() {
	j.mu.Lock()
	if !j.closed {
		j.closed = true
		close(j.kick)
	}
	j.mu.Unlock()
	<-j.done
}

// maxLogBatch keeps a batch under the limits of PutLogEvents.
const maxLogBatch = 900 << 10

// flush writes the pending lines, and makes the stream for the first of them. It
// reports whether the stream is there.
func (j *journal) flush(ctx context.Context, there bool) bool {
	j.mu.Lock()
	events := j.pending
	j.pending = nil
	j.mu.Unlock()
	if len(events) == 0 {
		return there
	}
	if !there && !j.makeStream(ctx) {
		return false
	}
	for len(events) > 0 {
		n, size := 0, 0
		for n < len(events) && (n == 0 || size+len(events[n].Message) < maxLogBatch) {
			size += len(events[n].Message) + 26
			n++
		}
		j.do(ctx, "PutLogEvents", map[string]any{"logGroupName": j.group, "logStreamName": j.stream, "logEvents": events[:n]})
		events = events[n:]
	}
	return true
}

// makeStream makes the stream, and the group when there is none yet.
func (j *journal) makeStream(ctx context.Context) bool {
	name := map[string]any{"logGroupName": j.group, "logStreamName": j.stream}
	code := j.do(ctx, "CreateLogStream", name)
	if code == "ResourceNotFoundException" {
		if code = j.do(ctx, "CreateLogGroup", map[string]any{"logGroupName": j.group}); code == "" || code == "ResourceAlreadyExistsException" {
			code = j.do(ctx, "CreateLogStream", name)
		}
	}
	return code == ""
}

// do calls CloudWatch Logs and returns the code of its refusal. A function whose
// role may not write has no log, on AWS as here: the cloud's own log says why.
func (j *journal) do(ctx context.Context, operation string, in map[string]any) (code string) {
	body, err := json.Marshal(in)
	if err != nil {
		j.logger.Error("could not encode the log of a function", "group", j.group, "err", err)
		return "InternalFailure"
	}
	answer, err := j.call(ctx, j.role, gateway.Call{Service: "logs", Operation: operation, Region: j.region, Body: body})
	if err != nil {
		j.logger.Error("could not write the log of a function", "group", j.group, "operation", operation, "err", err)
		return "InternalFailure"
	}
	if answer.Status == http.StatusOK {
		return ""
	}
	var refusal struct {
		Code    string `json:"__type"`
		Message string `json:"message"`
	}
	if err := json.Unmarshal(answer.Body, &refusal); err != nil {
		refusal.Code = "InternalFailure"
	}
	if refusal.Code != "ResourceNotFoundException" || operation != "CreateLogStream" {
		j.logger.Warn("could not write the log of a function with the role of the "+
			"function", "group", j.group, "operation", operation, "code", refusal.Code, "says",
			refusal.Message)
	}
	return refusal.Code
}
