package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/parascope/parascope/internal/localaws/lambda/runtimeapi"
	"github.com/parascope/parascope/internal/localaws/principal"
)

// initLimit is how long a runtime may take before the invocation's own time begins.
const initLimit = 10 * time.Second

// maxLife is when an environment is not used again, so that its credentials never
// end in it.
const maxLife = 2 * time.Hour

// environment is an execution environment: a process of a function, and its
// runtime API. It runs one invocation at a time.
type environment struct {
	fn      function // as it was when the environment was made
	api     *runtimeapi.Server
	journal *journal
	output  *output
	started time.Time
	used    bool
	idle    *time.Timer

	process *os.Process   // nil when it could not be started
	exited  chan struct{} // closed when the process is gone
	failure *failure      // why it is gone; to be read after exited
}

// failure is an end of an invocation that the function has not reported itself.
type failure struct {
	kind    string // "Runtime.ExitError"
	message string // without the request's id
}

func (f *failure) Error() string { return f.kind + ": " + f.message }

// open makes an environment for the function. That its process does not start is
// an environment that fails its invocation, as on AWS.
func (l *Lambda) open(ctx context.Context, fn *function) (*environment, error) {
	key, err := l.assume(fn)
	if err != nil {
		return nil, err
	}
	api, err := runtimeapi.Start()
	if err != nil {
		return nil, err
	}
	e := &environment{fn: *fn, api: api, started: l.opts.Now(), exited: make(chan struct{})}
	id := strings.ReplaceAll(l.opts.NewID(), "-", "")
	e.journal = &journal{
		call: l.opts.Call, role: key.Principal, region: fn.Region, group: fn.LogGroup,
		stream: e.started.UTC().Format("2006/01/02") + "/[" + latest + "]" + id, now: l.opts.Now, logger: l.opts.Logger,
	}
	out, writer, err := newOutput(e.journal.line)
	if err != nil {
		return nil, errors.Join(err, api.Close())
	}
	e.output = out
	e.journal.start(context.WithoutCancel(ctx))
	dir := filepath.Join(l.opts.Dir, fn.Code.Dir)
	cmd := exec.Command(filepath.Join(dir, "bootstrap"))
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, writer, writer
	cmd.Env = e.variables(dir, l.opts.BaseURL(), key)
	// A group of its own, so that what the function starts ends with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	e.journal.add("INIT_START Runtime Version: %s\tRuntime Version ARN: arn:aws:lambda:%s::runtime:parascope-local", strings.Replace(fn.Runtime, ".", ":", 1), fn.Region)
	err = cmd.Start()
	writer.Close() // the process has its own
	if err != nil {
		e.failure = entrypoint(err, dir)
		close(e.exited)
		return e, nil
	}
	e.process = cmd.Process
	go func() {
		e.failure = exitOf(cmd.Wait())
		close(e.exited)
	}()
	return e, nil
}

// entrypoint says why a bootstrap could not be started, in Lambda's paths.
func entrypoint(err error, dir string) *failure {
	if errors.Is(err, fs.ErrNotExist) {
		return &failure{"Runtime.InvalidEntrypoint", "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"}
	}
	return &failure{"Runtime.InvalidEntrypoint", strings.ReplaceAll(err.Error(), dir, "/var/task")}
}

func exitOf(err error) *failure {
	if err == nil {
		return &failure{"Runtime.ExitError", "Runtime exited without providing a reason"}
	}
	return &failure{"Runtime.ExitError", "Runtime exited with error: " + err.Error()}
}

// variables are the process' environment: Lambda's, the function's, and the
// address of the local cloud, the one thing that AWS does not set.
func (e *environment) variables(dir, endpoint string, key principal.AccessKey) []string {
	fn := e.fn
	env := []string{
		"AWS_ENDPOINT_URL=" + endpoint,
		"PATH=/usr/local/bin:/usr/bin/:/bin:/opt/bin",
		"LD_LIBRARY_PATH=/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:" + dir + ":" + dir + "/lib:/opt/lib",
		"LANG=en_US.UTF-8",
		"TZ=:UTC",
		"LAMBDA_TASK_ROOT=" + dir,
		"LAMBDA_RUNTIME_DIR=/var/runtime",
		"_HANDLER=" + fn.Handler,
		"AWS_REGION=" + fn.Region,
		"AWS_DEFAULT_REGION=" + fn.Region,
		"AWS_ACCESS_KEY_ID=" + key.ID,
		"AWS_SECRET_ACCESS_KEY=" + key.Secret,
		"AWS_SESSION_TOKEN=" + key.SessionToken,
		"AWS_LAMBDA_RUNTIME_API=" + e.api.Addr(),
		"AWS_LAMBDA_FUNCTION_NAME=" + fn.Name,
		"AWS_LAMBDA_FUNCTION_VERSION=" + latest,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=" + strconv.Itoa(fn.MemorySize),
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME=" + fn.LogGroup,
		"AWS_LAMBDA_LOG_STREAM_NAME=" + e.journal.stream,
	}
	for name, value := range fn.Environment {
		env = append(env, name+"="+value)
	}
	return env
}

// outcome is what an Invoke returns.
type outcome struct {
	payload []byte
	failed  bool
	log     []byte // the end of the invocation's log
}

// errTimeout is why an invocation ends that takes too long.
var errTimeout = errors.New("timed out")

// run runs one invocation. One that did not begin was not taken: another
// environment may have it. alive is whether this one can be used again.
func (e *environment) run(ctx context.Context, in invocation) (out outcome, taken, alive bool) {
	rep := report{cold: !e.used}
	e.used = true
	e.journal.begin()
	if rep.cold {
		start := time.Now()
		result := e.initialize(ctx, in.id)
		rep.init = time.Since(start)
		if result != nil {
			e.journal.add("INIT_REPORT Init Duration: %.2f ms\tPhase: init\tStatus: error\tError Type: %s", milliseconds(rep.init), result.ErrorType)
			return outcome{payload: result.Payload, failed: true, log: e.journal.last()}, true, false
		}
	}
	start := time.Now()
	result, taken, err := e.invoke(ctx, in)
	rep.duration = time.Since(start)
	if !taken && !rep.cold {
		return outcome{}, false, false
	}
	rep.memory = e.maxMemory()
	if err != nil {
		e.kill()
		<-e.exited
	}
	e.output.drain()
	if err != nil {
		result = e.explain(in.id, err, &rep)
	}
	e.journal.add("END RequestId: %s", in.id)
	e.journal.line(rep.line(in.id, e.fn.MemorySize))
	return outcome{payload: result.Payload, failed: result.Failed, log: e.journal.last()}, true, err == nil
}

// initialize waits until the runtime is ready, and returns what it failed with.
// One that takes longer than it may goes on in the invocation's own time.
func (e *environment) initialize(ctx context.Context, id string) *runtimeapi.Result {
	timer := time.NewTimer(initLimit)
	defer timer.Stop()
	select {
	case <-e.api.Ready():
	case <-timer.C:
	case <-ctx.Done():
	case result := <-e.api.InitFailed():
		return &result
	case <-e.exited:
		select {
		case result := <-e.api.InitFailed():
			return &result
		default:
		}
		e.output.drain()
		result := failed(id, e.failure.kind, e.failure.message)
		e.journal.add("RequestId: %s Error: %s\n%s", id, e.failure.message, e.failure.kind)
		return &result
	}
	return nil
}

// invoke gives the process the invocation and waits for its result, for the end
// of its time or for the end of the process.
func (e *environment) invoke(ctx context.Context, in invocation) (result runtimeapi.Result, taken bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timer := time.AfterFunc(e.timeout(), func() { cancel(errTimeout) })
	defer timer.Stop()
	go func() {
		select {
		case <-e.exited:
			cancel(e.failure)
		case <-ctx.Done():
		}
	}()
	var began atomic.Bool
	result, err = e.api.Invoke(ctx, runtimeapi.Invocation{
		RequestID: in.id, FunctionARN: e.fn.arn(), TraceID: in.trace, ClientContext: in.clientContext, Payload: in.payload,
		// The process reads the machine's clock, wherever the cloud's stands.
		Deadline: time.Now().Add(e.timeout()),
	}, func() {
		began.Store(true)
		e.journal.add("START RequestId: %s Version: %s", in.id, latest)
	})
	return result, began.Load(), err
}

func (e *environment) timeout() time.Duration { return time.Duration(e.fn.Timeout) * time.Second }

// explain is the result of an invocation that ended with err, in its log too.
func (e *environment) explain(id string, err error, rep *report) runtimeapi.Result {
	if failure, ok := errors.AsType[*failure](err); ok {
		rep.status = "\tStatus: error\tError Type: " + failure.kind
		e.journal.add("RequestId: %s Error: %s\n%s", id, failure.message, failure.kind)
		return failed(id, failure.kind, failure.message)
	}
	if !errors.Is(err, errTimeout) {
		return failed(id, "Sandbox.Failure", err.Error())
	}
	message := fmt.Sprintf("Task timed out after %.2f seconds", e.timeout().Seconds())
	rep.status, rep.duration = "\tStatus: timeout", e.timeout()
	e.journal.add("%s %s %s\n", e.journal.now().UTC().Format("2006-01-02T15:04:05.000Z"), id, message)
	return failed(id, "Sandbox.Timedout", message)
}

// report is what the last line of an invocation's log says.
type report struct {
	duration time.Duration
	memory   int // MB
	cold     bool
	init     time.Duration
	status   string
}

func (r report) line(id string, memorySize int) string {
	line := fmt.Sprintf("REPORT RequestId: %s\tDuration: %.2f ms\tBilled Duration: %d ms\tMemory Size: %d MB\tMax Memory Used: %d MB",
		id, milliseconds(r.duration), (r.duration+time.Millisecond-1)/time.Millisecond, memorySize, r.memory)
	if r.cold {
		line += fmt.Sprintf("\tInit Duration: %.2f ms", milliseconds(r.init))
	}
	return line + r.status + "\t"
}

// failed is the result of an invocation that ended without one.
func failed(id, kind, message string) runtimeapi.Result {
	body, err := json.Marshal(struct {
		ErrorType    string `json:"errorType"`
		ErrorMessage string `json:"errorMessage"`
	}{kind, "RequestId: " + id + " Error: " + message})
	if err != nil {
		body = []byte("{}") // two strings are always encoded
	}
	return runtimeapi.Result{Payload: body, Failed: true, ErrorType: kind}
}

// kill ends the process and all that it started. It may be gone already.
func (e *environment) kill() {
	if e.process != nil {
		syscall.Kill(-e.process.Pid, syscall.SIGKILL)
	}
}

// close ends the environment; the last lines of its log are written then.
func (e *environment) close() {
	e.kill()
	<-e.exited
	e.output.close()
	e.api.Close() // a listener's Close has nothing to say
	e.journal.close()
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// maxMemory is the most that the process has had, in MB, where the kernel tells.
func (e *environment) maxMemory() int {
	if e.process == nil {
		return 0
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", e.process.Pid))
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	kilobytes, _, _ := strings.Cut(strings.TrimSpace(after), " ")
	n, err := strconv.Atoi(kilobytes)
	if err != nil {
		return 0
	}
	return (n + 1023) / 1024
}
