package connector_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/parascope/parascope/internal/artifact"
	"github.com/parascope/parascope/localaws"
	fault "github.com/parascope/parascope/localaws/grafana"
	"github.com/parascope/parascope/localaws/localtest/check"
)

// logGroup is the function's, as Lambda names it.
const logGroup = "/aws/lambda/setup"

// deploy makes the real setup function, with the role of the template's.
func (s *site) deploy(t *testing.T, timeout time.Duration) *lambda.Client {
	t.Helper()
	f, err := artifact.LoadFunction(artifact.HostArchitecture())
	if err != nil && os.Getenv("CI") == "" {
		t.Skipf("%v: 'make function' builds it", err)
	}
	check.OK(t, err)
	cfg := s.operator.Copy()
	cfg.HTTPClient = awshttp.NewBuildableClient().WithTimeout(time.Minute)
	client := lambda.NewFromConfig(cfg)
	_, err = cloudwatchlogs.NewFromConfig(cfg).CreateLogGroup(t.Context(),
		&cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String(logGroup)})
	check.OK(t, err)
	_, err = client.CreateFunction(t.Context(), &lambda.CreateFunctionInput{
		FunctionName: aws.String("setup"), Runtime: types.RuntimeProvidedal2023, Handler: aws.String("bootstrap"),
		Architectures: []types.Architecture{types.Architecture(f.Architecture)},
		Role:          aws.String("arn:aws:iam::111122223333:role/function"), Code: &types.FunctionCode{ZipFile: f.Zip},
		Timeout: aws.Int32(int32(timeout.Seconds())),
		Environment: &types.Environment{Variables: map[string]string{
			"PARASCOPE_GRAFANA_WORKSPACE_ID": s.target.GrafanaWorkspaceID, "PARASCOPE_PROMETHEUS_WORKSPACE_ID": s.target.PrometheusWorkspaceID,
		}},
	})
	check.OK(t, err)
	return client
}

func invoke(t *testing.T, client *lambda.Client) *lambda.InvokeOutput {
	t.Helper()
	out, err := client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("setup")})
	check.OK(t, err)
	noSecret(t, "the function's result", string(out.Payload))
	return out
}

// poll asks ten times a second, for two minutes at most.
func poll(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline := time.After(2 * time.Minute)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("still waiting for %s", what)
		}
	}
}

// bootstraps are the processes of Lambda's that this process started.
func bootstraps(t *testing.T) []int {
	t.Helper()
	statuses, err := filepath.Glob("/proc/[0-9]*/status")
	check.OK(t, err)
	var found []int
	for _, path := range statuses {
		status, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(status), fmt.Sprintf("PPid:\t%d\n", os.Getpid())) ||
			!strings.HasPrefix(string(status), "Name:\tbootstrap\n") {
			continue // another's, or gone
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		check.OK(t, err)
		found = append(found, pid)
	}
	return found
}

// TestFunctionKilledMidWay: the invocation says that the process is gone; the next
// one succeeds, and cleans up after the first when its time is over.
func TestFunctionKilledMidWay(t *testing.T) {
	s := start(t, plan{options: localaws.Options{Grafana: localaws.Grafana{Faults: map[string]fault.Fault{"": {Refuse: 503,
		RefuseFor: time.Hour}}}}})
	client := s.deploy(t, keptFree+20*time.Second) // until then the killed run could run
	killed := make(chan *lambda.InvokeOutput, 1)
	go func() { killed <- invoke(t, client) }()
	poll(t, "the function to sign in", func() bool { return len(s.accounts(t)) > 0 })
	pids := bootstraps(t)
	if len(pids) != 1 {
		t.Fatalf("processes of the function: %v", pids)
	}
	check.OK(t, syscall.Kill(pids[0], syscall.SIGKILL))
	if out := <-killed; aws.ToString(out.FunctionError) != "Unhandled" || !strings.Contains(string(out.Payload), "Runtime.ExitError") ||
		!strings.Contains(string(out.Payload), "signal: killed") {
		t.Errorf("%v: %s", out.FunctionError, out.Payload)
	}
	left := s.accounts(t)
	if len(left) != 1 {
		t.Fatalf("a killed run cannot clean up, and yet there is %v", left)
	}

	check.OK(t, s.cloud.BreakGrafana(s.target.GrafanaWorkspaceID, fault.Fault{}))
	_, err := client.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("setup"),
		Timeout: aws.Int32(300)})
	check.OK(t, err)
	if out := invoke(t, client); out.FunctionError != nil || !strings.Contains(string(out.Payload), `"action": "created"`) {
		t.Errorf("the next invocation: %v: %s", aws.ToString(out.FunctionError), out.Payload)
	}
	if again := s.accounts(t); len(again) != 1 || again[0] != left[0] {
		t.Errorf("service accounts: %v, want that of the killed run while it could still run, %v", again, left)
	}
	until, _, _ := strings.Cut(strings.TrimPrefix(left[0], "parascope-setup-until-"), "-")
	stamp, err := strconv.ParseInt(until, 10, 64)
	check.OK(t, err)
	poll(t, "the killed run's time to be over", func() bool { return time.Now().Unix() > stamp })
	if out := invoke(t, client); out.FunctionError != nil || !strings.Contains(string(out.Payload), `"action": "unchanged"`) {
		t.Errorf("the last invocation: %v: %s", aws.ToString(out.FunctionError), out.Payload)
	}
	s.noAccounts(t)
	// The log is written in batches, a moment after the invocation.
	var lines []string
	poll(t, "the function's log", func() bool {
		lines = s.logLines(t)
		return strings.Contains(strings.Join(lines, "\n"), "action=unchanged")
	})
	noSecret(t, "the function's log", strings.Join(lines, "\n"))
}

// logLines are what the function logged.
func (s *site) logLines(t *testing.T) []string {
	t.Helper()
	out, err := cloudwatchlogs.NewFromConfig(s.operator).FilterLogEvents(t.Context(),
		&cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String(logGroup)})
	check.OK(t, err)
	var lines []string
	for _, e := range out.Events {
		lines = append(lines, *e.Message)
	}
	return lines
}

// TestFunctionWithoutTime: a function whose timeout somebody lowered says what to do.
func TestFunctionWithoutTime(t *testing.T) {
	s := start(t, plan{})
	client := s.deploy(t, keptFree-5*time.Second)
	if out := invoke(t, client); aws.ToString(out.FunctionError) != "Unhandled" || !strings.Contains(string(out.Payload), "timeout: ") ||
		!strings.Contains(string(out.Payload), "raise its timeout") {
		t.Errorf("%v: %s", aws.ToString(out.FunctionError), out.Payload)
	}
	_, err := client.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("setup"),
		Timeout: aws.Int32(300)})
	check.OK(t, err)
	if out := invoke(t, client); out.FunctionError != nil {
		t.Errorf("with time again: %v: %s", aws.ToString(out.FunctionError), out.Payload)
	}
	s.noAccounts(t)
}
