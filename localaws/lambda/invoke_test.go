package lambda_test

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/localaws/lambda"
)

func TestInvocations(t *testing.T) {
	c := start(t, t.TempDir(), nil)
	create(t, c, nil)
	out := invoke(t, c, "")
	first := decode(t, out.Payload)
	if first.Event != "{}" || first.Count != 1 || first.ARN != "arn:aws:lambda:us-east-2:111122223333:function:f" || first.Left < 200 ||
		first.Left > 300 ||
		out.FunctionError != nil || out.StatusCode != 200 || *out.ExecutedVersion != "$LATEST" {
		t.Errorf("no payload: %+v %+v", first, out)
	}
	second := decode(t, invoke(t, c, `{"a": 1}`).Payload)
	if second.Event != `{"a": 1}` || second.Count != 2 || second.PID != first.PID {
		t.Errorf("the environment was not used again: %+v after %+v", second, first)
	}
	if _, err := c.client().Invoke(t.Context(), &sdk.InvokeInput{FunctionName: aws.String("f"), Payload: []byte("{")}); !isError(err,
		"InvalidRequestContentException", "Could not parse") {
		t.Errorf("no JSON: %v", err)
	}
	if _, err := c.client().Invoke(t.Context(), &sdk.InvokeInput{FunctionName: aws.String("g")}); !isError(err, "ResourceNotFoundException",
		"Function not found: arn:aws:lambda:us-east-2:111122223333:function:g") {
		t.Errorf("no function: %v", err)
	}
	dry, err := c.client().Invoke(t.Context(), &sdk.InvokeInput{FunctionName: aws.String("arn:aws:lambda:us-east-2:111122223333:function:f"),
		InvocationType: types.InvocationTypeDryRun})
	if err != nil || dry.StatusCode != 204 {
		t.Errorf("dry run: %+v, %v", dry, err)
	}
	if got := decode(t, invoke(t, c, "").Payload); got.Count != 3 {
		t.Errorf("after a dry run: %+v", got)
	}
}

func TestFailures(t *testing.T) {
	c := start(t, t.TempDir(), nil)
	create(t, c, nil)
	within := func(seconds int32) {
		t.Helper()
		if _, err := c.client().UpdateFunctionConfiguration(t.Context(), &sdk.UpdateFunctionConfigurationInput{FunctionName: aws.String("f"),
			Timeout: &seconds}); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct{ do, kind, message, log string }{
		{"fail", "errorString", "as you wish", "END RequestId: "},
		{"panic", "string", "as you wish", ""},
		{"exit", "Runtime.ExitError", "Error: Runtime exited with error: exit status 7", "no newline at the end"},
		{"hang", "Sandbox.Timedout", "Error: Task timed out after 1.00 seconds", "Task timed out after 1.00 seconds"},
	} {
		within(60)
		if tc.do == "hang" {
			within(1)
		}
		out := invoke(t, c, `{"Do": "`+tc.do+`"}`)
		within(60)
		var failure struct{ ErrorType, ErrorMessage string }
		if err := json.Unmarshal(out.Payload, &failure); err != nil || failure.ErrorType != tc.kind ||
			!strings.Contains(failure.ErrorMessage, tc.message) || aws.ToString(out.FunctionError) != "Unhandled" {
			t.Errorf("%s: %s %v, %v", tc.do, out.Payload, aws.ToString(out.FunctionError), err)
		}
		if tail, err := base64.StdEncoding.DecodeString(*out.LogResult); err != nil || !strings.Contains(string(tail), tc.log) ||
			!strings.Contains(string(tail), "REPORT RequestId: ") {
			t.Errorf("%s: log %q, %v", tc.do, tail, err)
		}
		if next := invoke(t, c, ""); next.FunctionError != nil {
			t.Errorf("after %s: %s", tc.do, next.Payload)
		}
	}
}

func TestAFunctionKilledMidway(t *testing.T) {
	c := start(t, t.TempDir(), nil)
	create(t, c, nil)
	pid := decode(t, invoke(t, c, "").Payload).PID
	killed := make(chan *sdk.InvokeOutput, 1)
	go func() { killed <- invoke(t, c, `{"Do": "hang"}`) }()
	eventually(t, c, "/aws/lambda/f", "hanging")
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if out := <-killed; !strings.Contains(string(out.Payload), `"errorType":"Runtime.ExitError"`) ||
		!strings.Contains(string(out.Payload), "Error: Runtime exited with error: signal: killed") {
		t.Errorf("%s", out.Payload)
	}
	if got := decode(t, invoke(t, c, "").Payload); got.PID == pid || got.Count != 1 {
		t.Errorf("after it was killed: %+v", got)
	}
	// One that is killed while it waits costs nobody an invocation.
	pid = decode(t, invoke(t, c, "").Payload).PID
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	gone(t, pid)
	if out := invoke(t, c, ""); out.FunctionError != nil {
		t.Errorf("%s", out.Payload)
	}
}

// TestArchitectureOfTheFunction: a program for this machine does not run in a function
// for another, which AWS would run on its own.
func TestArchitectureOfTheFunction(t *testing.T) {
	c := start(t, t.TempDir(), nil)
	mine, other := architecture(runtime.GOARCH), types.ArchitectureArm64
	if mine == other {
		other = types.ArchitectureX8664
	}
	create(t, c, func(in *sdk.CreateFunctionInput) { in.Architectures = []types.Architecture{other} })
	out := invoke(t, c, "")
	if aws.ToString(out.FunctionError) != "Unhandled" || !strings.Contains(string(out.Payload), `"errorType":"Runtime.InvalidEntrypoint"`) ||
		!strings.Contains(string(out.Payload), `Error: fork/exec /var/task/bootstrap: exec format error"`) {
		t.Errorf("%v: %s", aws.ToString(out.FunctionError), out.Payload)
	}
	code := input(t, nil).Code.ZipFile
	if _, err := c.client().UpdateFunctionCode(t.Context(), &sdk.UpdateFunctionCodeInput{FunctionName: aws.String("f"), ZipFile: code,
		Architectures: []types.Architecture{mine}}); err != nil {
		t.Fatal(err)
	}
	if out := invoke(t, c, ""); out.FunctionError != nil {
		t.Errorf("with the right architecture: %s", out.Payload)
	}
}

func TestBadEntrypoints(t *testing.T) {
	c := start(t, t.TempDir(), nil)
	for name, tc := range map[string]struct {
		file string
		body string
		says string
	}{
		"missing": {"main", "x", "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"},
		"no elf":  {"bootstrap", "x", "fork/exec /var/task/bootstrap: exec format error"},
	} {
		code, err := archive(tc.file, 0o755, []byte(tc.body))
		if err != nil {
			t.Fatal(err)
		}
		create(t, c, func(in *sdk.CreateFunctionInput) { in.Code.ZipFile = code })
		out := invoke(t, c, "")
		if !strings.Contains(string(out.Payload), `"errorType":"Runtime.InvalidEntrypoint"`) || !strings.Contains(string(out.Payload), tc.says) {
			t.Errorf("%s: %s", name, out.Payload)
		}
		if _, err := c.client().DeleteFunction(t.Context(), &sdk.DeleteFunctionInput{FunctionName: aws.String("f")}); err != nil {
			t.Fatal(err)
		}
	}
	create(t, c, func(in *sdk.CreateFunctionInput) {
		in.Environment = &types.Environment{Variables: map[string]string{"FAIL_INIT": "1"}}
	})
	if out := invoke(t, c, ""); !strings.Contains(string(out.Payload), "Runtime exited with error: exit status 3") {
		t.Errorf("an initialization that ends: %s", out.Payload)
	}
}

func TestTheRolesCredentialsAndTheEnvironment(t *testing.T) {
	c := start(t, t.TempDir(), nil)
	create(t, c, func(in *sdk.CreateFunctionInput) {
		in.Environment = &types.Environment{Variables: map[string]string{"MINE": "yes"}}
	})
	if out := invoke(t, c, `{"Do": "caller"}`); string(out.Payload) != `"arn:aws:sts::111122223333:assumed-role/Function/f"` {
		t.Errorf("the function is %s", out.Payload)
	}
	var variables []string
	if err := json.Unmarshal(invoke(t, c, `{"Do": "environment"}`).Payload, &variables); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, v := range variables {
		name, _, _ := strings.Cut(v, "=")
		names = append(names, name)
	}
	slices.Sort(names)
	want := []string{
		"AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_NAME",
		"AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
		"AWS_LAMBDA_RUNTIME_API", "AWS_REGION", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT",
		"LANG", "LD_LIBRARY_PATH", "MINE", "PATH", "TZ", "_HANDLER", "_X_AMZN_TRACE_ID",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
	if !slices.Contains(variables, "AWS_ENDPOINT_URL="+c.URL()) || !slices.Contains(variables, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128") {
		t.Errorf("%v", variables)
	}
}

func TestTheLog(t *testing.T) {
	c := start(t, t.TempDir(), nil)
	create(t, c, nil)
	out := invoke(t, c, `{"Do": "print"}`)
	tail, err := base64.StdEncoding.DecodeString(*out.LogResult)
	if err != nil || len(tail) != 4096 || !strings.Contains(string(tail), "line 599\nEND RequestId: ") {
		t.Errorf("tail of %d bytes: %q, %v", len(tail), tail, err)
	}
	log := eventually(t, c, "/aws/lambda/f", "REPORT RequestId: ")
	for _, text := range []string{"INIT_START Runtime Version: provided:al2023", "START RequestId: ", "line 0\n", "line 599\n",
		"\tMemory Size: 128 MB\t", "\tInit Duration: "} {
		if !strings.Contains(log, text) {
			t.Errorf("the log does not hold %q", text)
		}
	}
	if strings.Count(log, "\n") != 604 {
		t.Errorf("%d lines: %s", strings.Count(log, "\n"), log)
	}
}

func TestARoleThatMayNotWriteHasNoLog(t *testing.T) {
	c := start(t, t.TempDir(), nil)
	create(t, c, func(in *sdk.CreateFunctionInput) {
		in.LoggingConfig = &types.LoggingConfig{LogGroup: aws.String("/other")}
	})
	c.deny("logs:CreateLogGroup")
	if out := invoke(t, c, ""); out.FunctionError != nil {
		t.Errorf("%s", out.Payload)
	}
	if _, err := c.client().DeleteFunction(t.Context(), &sdk.DeleteFunctionInput{FunctionName: aws.String("f")}); err != nil {
		t.Fatal(err)
	}
	if err := c.lambda.Close(); err != nil { // what is to be written is written then
		t.Fatal(err)
	}
	groups, err := c.logs().DescribeLogGroups(t.Context(), nil)
	if err != nil || len(groups.LogGroups) > 0 {
		t.Errorf("%+v, %v", groups, err)
	}
}

func TestConcurrentInvocationsHaveTheirOwnEnvironments(t *testing.T) {
	c := start(t, t.TempDir(), nil)
	gate := filepath.Join(t.TempDir(), "gate")
	create(t, c, func(in *sdk.CreateFunctionInput) {
		in.Environment = &types.Environment{Variables: map[string]string{"GATE": gate}}
	})
	var waiting sync.WaitGroup
	for range 2 {
		waiting.Go(func() {
			if out := invoke(t, c, `{"Do": "wait"}`); string(out.Payload) != `"went on"` {
				t.Errorf("%s", out.Payload)
			}
		})
	}
	eventually(t, c, "/aws/lambda/f", "waiting\n")
	if got := decode(t, invoke(t, c, "").Payload); got.Count != 1 {
		t.Errorf("beside the waiting ones: %+v", got)
	}
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	waiting.Wait()
}

// gone waits until there is no such process.
func gone(t *testing.T, pid int) {
	t.Helper()
	deadline, tick := time.After(time.Minute), time.NewTicker(10*time.Millisecond)
	defer tick.Stop()
	for syscall.Kill(pid, 0) == nil {
		select {
		case <-deadline:
			t.Fatalf("process %d is still there", pid)
		case <-tick.C:
		}
	}
}

func TestIdleEnvironmentsEnd(t *testing.T) {
	c := start(t, t.TempDir(), func(o *lambda.Options) { o.IdleTimeout = time.Millisecond })
	create(t, c, nil)
	gone(t, decode(t, invoke(t, c, "").Payload).PID)
	c.Stop()
	c = start(t, t.TempDir(), nil)
	create(t, c, nil)
	pid := decode(t, invoke(t, c, "").Payload).PID
	c.Stop()
	gone(t, pid)
}

func TestEventsAreTriedThreeTimesAndSurviveARestart(t *testing.T) {
	dir := t.TempDir()
	soon := func(o *lambda.Options) { o.RetryDelays = []time.Duration{time.Millisecond, time.Millisecond} }
	c := start(t, dir, soon)
	gate := filepath.Join(dir, "gate")
	create(t, c, func(in *sdk.CreateFunctionInput) {
		in.Environment = &types.Environment{Variables: map[string]string{"GATE": gate}}
	})
	send := func(payload string) {
		t.Helper()
		out, err := c.client().Invoke(t.Context(), &sdk.InvokeInput{FunctionName: aws.String("f"), InvocationType: types.InvocationTypeEvent,
			Payload: []byte(payload)})
		if err != nil || out.StatusCode != 202 || len(out.Payload) > 0 {
			t.Fatalf("%+v, %v", out, err)
		}
	}
	send(`{"Do": "fail"}`)
	send(`{"Do": "wait"}`)
	eventually(t, c, "/aws/lambda/f", "waiting\n")
	c.Stop()
	c = start(t, dir, soon)
	if err := c.lambda.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	deadline, tick := time.After(2*time.Minute), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for {
		log := eventually(t, c, "/aws/lambda/f", "waiting\n")
		if strings.Count(log, "waiting\n") == 2 && strings.Count(log, "END RequestId: ") >= 4 {
			break
		}
		select {
		case <-deadline:
			t.Fatalf("the interrupted event did not run again: %s", log)
		case <-tick.C:
		}
	}
}
