// Package environment is Lambda's execution environment: the process of a
// function's bootstrap, its runtime API, and its log.
package environment

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/lambda/runtimeapi"
	"github.com/parascope/parascope/localaws/principal"
)

// initLimit is how long a runtime may take before the invocation's own time begins.
const initLimit = 10 * time.Second

// latest is the one version of a function here.
const latest = "$LATEST"

// Function is what runs in an environment.
type Function struct {
	Region, Name, ARN string
	Runtime           string // "provided.al2023"
	Architecture      string // "arm64" or "x86_64"
	Handler           string
	Dir               string // unpacked code
	Timeout           time.Duration
	MemorySize        int // MB
	Variables         map[string]string
	LogGroup          string
}

// Options are what an environment is made of; all are needed.
type Options struct {
	Function Function
	Key      principal.AccessKey // of the function's role
	Endpoint string              // the cloud's address
	Call     gateway.Caller      // to write the log
	Now      func() time.Time
	NewID    func() string // UUIDs
	Logger   *slog.Logger
}

// Environment is an execution environment. It runs one invocation at a time.
type Environment struct {
	fn      Function
	api     *runtimeapi.Server
	journal *journal
	output  *output
	used    bool

	process *os.Process   // nil when it could not be started
	exited  chan struct{} // closed when the process is gone
	failure *failure      // why it is gone; to be read after exited
}

// Invocation is one call of the function.
type Invocation struct {
	ID            string
	Payload       []byte
	ClientContext string // JSON; "" without one
	Trace         string
}

// Outcome is what an Invoke returns.
type Outcome struct {
	Payload []byte
	Failed  bool
	Log     []byte // the end of the invocation's log
}

// failure is an end of an invocation that the function has not reported itself.
type failure struct {
	kind    string // "Runtime.ExitError"
	message string // without the request's id
}

func (f *failure) Error() string { return f.kind + ": " + f.message }

// Open starts the function's process, to be ended with Close. One that does not
// start is an environment that fails its invocation, as on AWS.
func Open(ctx context.Context, o Options) (*Environment, error) {
	fn := o.Function
	api, err := runtimeapi.Start()
	if err != nil {
		return nil, err
	}
	e := &Environment{fn: fn, api: api, exited: make(chan struct{})}
	id := strings.ReplaceAll(o.NewID(), "-", "")
	e.journal = &journal{
		call: o.Call, role: o.Key.Principal, region: fn.Region, group: fn.LogGroup,
		stream: o.Now().UTC().Format("2006/01/02") + "/[" + latest + "]" + id, now: o.Now, logger: o.Logger,
	}
	out, writer, err := newOutput(e.journal.line)
	if err != nil {
		return nil, errors.Join(err, api.Close())
	}
	e.output = out
	e.journal.start(context.WithoutCancel(ctx))
	cmd := exec.Command(filepath.Join(fn.Dir, "bootstrap"))
	cmd.Dir, cmd.Stdout, cmd.Stderr = fn.Dir, writer, writer
	cmd.Env = e.variables(o.Endpoint, o.Key)
	// A group of its own, so that what the function starts ends with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	e.journal.add("INIT_START Runtime Version: %s\tRuntime Version ARN: arn:aws:lambda:%s::runtime:parascope-local",
		strings.Replace(fn.Runtime, ".", ":", 1), fn.Region)
	if err = fn.runs(); err == nil {
		err = cmd.Start()
	}
	writer.Close() // the process has its own
	if err != nil {
		e.failure = entrypoint(err, fn.Dir)
		close(e.exited)
		return e, nil
	}
	e.process = cmd.Process
	go func() {
		e.failure = exitOf(cmd.Wait())
		// What it started ends with it: now, since soon its number may be another's.
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		close(e.exited)
	}()
	return e, nil
}

// Gone reports whether the process has ended.
func (e *Environment) Gone() bool {
	select {
	case <-e.exited:
		return true
	default:
		return false
	}
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
func (e *Environment) variables(endpoint string, key principal.AccessKey) []string {
	fn, dir := e.fn, e.fn.Dir
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
	for name, value := range fn.Variables {
		env = append(env, name+"="+value)
	}
	return env
}

// errTimeout is why an invocation ends that takes too long.
var errTimeout = errors.New("timed out")

// Run runs one invocation. One that did not begin was not taken: another
// environment may have it. alive is whether this one can be used again.
func (e *Environment) Run(ctx context.Context, in Invocation) (out Outcome, taken, alive bool) {
	rep := report{cold: !e.used}
	e.used = true
	e.journal.begin()
	if rep.cold {
		start := time.Now()
		result := e.initialize(ctx, in.ID)
		rep.init = time.Since(start)
		if result != nil {
			e.journal.add("INIT_REPORT Init Duration: %.2f ms\tPhase: init\tStatus: error\tError Type: %s", milliseconds(rep.init), result.ErrorType)
			return Outcome{Payload: result.Payload, Failed: true, Log: e.journal.last()}, true, false
		}
	}
	start := time.Now()
	result, taken, err := e.invoke(ctx, in)
	rep.duration = time.Since(start)
	if !taken && !rep.cold {
		return Outcome{}, false, false
	}
	rep.memory = e.maxMemory()
	if err != nil {
		e.Kill()
		<-e.exited
	}
	e.output.drain()
	if err != nil {
		result = e.explain(in.ID, err, &rep)
	}
	e.journal.add("END RequestId: %s", in.ID)
	e.journal.line(rep.line(in.ID, e.fn.MemorySize))
	return Outcome{Payload: result.Payload, Failed: result.Failed, Log: e.journal.last()}, true, err == nil
}

// initialize waits until the runtime is ready, and returns what it failed with.
// One that takes longer than it may goes on in the invocation's own time.
func (e *Environment) initialize(ctx context.Context, id string) *runtimeapi.Result {
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
func (e *Environment) invoke(ctx context.Context, in Invocation) (result runtimeapi.Result, taken bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timer := time.AfterFunc(e.fn.Timeout, func() { cancel(errTimeout) })
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
		RequestID: in.ID, FunctionARN: e.fn.ARN, TraceID: in.Trace, ClientContext: in.ClientContext, Payload: in.Payload,
		// The process reads the machine's clock, wherever the cloud's stands.
		Deadline: time.Now().Add(e.fn.Timeout),
	}, func() {
		began.Store(true)
		e.journal.add("START RequestId: %s Version: %s", in.ID, latest)
	})
	return result, began.Load(), err
}

// explain is the result of an invocation that ended with err, in its log too.
func (e *Environment) explain(id string, err error, rep *report) runtimeapi.Result {
	if failure, ok := errors.AsType[*failure](err); ok {
		rep.status = "\tStatus: error\tError Type: " + failure.kind
		e.journal.add("RequestId: %s Error: %s\n%s", id, failure.message, failure.kind)
		return failed(id, failure.kind, failure.message)
	}
	if !errors.Is(err, errTimeout) {
		return failed(id, "Sandbox.Failure", err.Error())
	}
	message := fmt.Sprintf("Task timed out after %.2f seconds", e.fn.Timeout.Seconds())
	rep.status, rep.duration = "\tStatus: timeout", e.fn.Timeout
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

// Kill ends the process and all that it started. Once it was waited for, its number
// may be another's.
func (e *Environment) Kill() {
	if e.process != nil && !e.Gone() {
		syscall.Kill(-e.process.Pid, syscall.SIGKILL)
	}
}

// Close ends the environment; the last lines of its log are written then.
func (e *Environment) Close() {
	e.Kill()
	<-e.exited
	e.output.close()
	e.api.Close() // a listener's Close has nothing to say
	e.journal.close()
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// maxMemory is the most that the process has had, in MB, where the kernel tells.
func (e *Environment) maxMemory() int {
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
