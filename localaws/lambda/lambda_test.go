package lambda_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/google/uuid"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/lambda"
	"github.com/parascope/parascope/localaws/localtest/check"
	"github.com/parascope/parascope/localaws/localtest/servicetest"
	"github.com/parascope/parascope/localaws/logs"
	"github.com/parascope/parascope/localaws/principal"
	"github.com/parascope/parascope/localaws/s3"
	"github.com/parascope/parascope/localaws/sts"
)

const (
	role     = "arn:aws:iam::111122223333:role/Function"
	stranger = "arn:aws:iam::111122223333:role/Stranger" // exists nowhere
)

// handler builds the function of the tests once.
var handler = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "handler")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	cmd := exec.Command("go", "build", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", filepath.Join(dir, "bootstrap"),
		"./testdata/handler")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the function: %w\n%s", err, out)
	}
	binary, err := os.ReadFile(filepath.Join(dir, "bootstrap"))
	if err != nil {
		return nil, err
	}
	return archive("bootstrap", 0o755, binary)
})

func archive(name string, mode fs.FileMode, body []byte) ([]byte, error) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	header := &zip.FileHeader{Name: name, Method: zip.Deflate}
	header.SetMode(mode)
	f, err := w.CreateHeader(header)
	if err == nil {
		_, err = f.Write(body)
	}
	err = errors.Join(err, w.Close())
	return b.Bytes(), err
}

// cloud is Lambda with what it needs behind the gateway; what is in denied nobody may do.
type cloud struct {
	*servicetest.Base
	lambda *lambda.Lambda

	mu     sync.Mutex
	denied map[string]bool // action
	asked  []string
}

func (c *cloud) authorize(a gateway.Ask) (gateway.Decision, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = append(c.asked, a.Action+" "+a.Resource+" "+strings.Join(a.Keys["iam:PassedToService"], ","))
	return gateway.Decision{Allowed: !c.denied[a.Action]}, nil
}

func (c *cloud) deny(actions ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.denied = map[string]bool{}
	for _, a := range actions {
		c.denied[a] = true
	}
}

func start(t *testing.T, dir string, change func(*lambda.Options)) *cloud {
	t.Helper()
	c := &cloud{Base: servicetest.Open(t, dir)}
	access := c.Account()
	check.OK(t, access.EnsureRole(role[strings.LastIndex(role, "/")+1:], "lambda.amazonaws.com"))
	logService, err := logs.New(logs.Options{State: c.State, Now: c.Clock.Now, NewID: uuid.NewString, Logger: c.Logger})
	check.OK(t, err)
	buckets, err := s3.New(s3.Options{State: c.State, Dir: filepath.Join(dir, "s3"), Now: c.Clock.Now, NewID: uuid.NewString,
		Logger: c.Logger})
	check.OK(t, err)
	opts := lambda.Options{
		State: c.State, Dir: filepath.Join(dir, "lambda"), BaseURL: c.URL, Now: c.Clock.Now, NewID: uuid.NewString, Logger: c.Logger,
		Call: c.Call,
		AssumeRole: func(arn, service, session string, keys map[string][]string, lifetime time.Duration) (principal.AccessKey, error) {
			key, err := access.AssumeForService(arn, service, session, keys, lifetime)
			if err == nil && !strings.HasPrefix(keys["aws:SourceArn"][0], "arn:aws:lambda:us-east-2:111122223333:function:") {
				err = &gateway.Error{Code: "AccessDenied"}
			}
			return key, err
		},
	}
	if change != nil {
		change(&opts)
	}
	c.lambda, err = lambda.New(opts)
	check.OK(t, err)
	c.Serve(gateway.Options{
		Services:  []gateway.Service{sts.Service(access), buckets.Service(), logService.Service(), c.lambda.Service()},
		Authorize: c.authorize,
	}, c.lambda.Close)
	return c
}

func (c *cloud) client() *sdk.Client { return sdk.NewFromConfig(c.Config("us-east-2")) }

func (c *cloud) logs() *cloudwatchlogs.Client {
	return cloudwatchlogs.NewFromConfig(c.Config("us-east-2"))
}

func (c *cloud) s3() *awss3.Client {
	return awss3.NewFromConfig(c.Config("us-east-2"), func(o *awss3.Options) { o.UsePathStyle = true })
}

func isError(err error, code, says string) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	return ok && api.ErrorCode() == code && strings.Contains(api.ErrorMessage(), says)
}

// architecture is Lambda's name for one of Go's.
func architecture(goarch string) types.Architecture {
	if goarch == "arm64" {
		return types.ArchitectureArm64
	}
	return types.ArchitectureX8664
}

func input(t *testing.T, change func(*sdk.CreateFunctionInput)) *sdk.CreateFunctionInput {
	t.Helper()
	code, err := handler()
	if err != nil {
		t.Fatal(err)
	}
	in := &sdk.CreateFunctionInput{
		FunctionName: aws.String("f"), Role: aws.String(role), Runtime: types.RuntimeProvidedal2023, Handler: aws.String("bootstrap"),
		Code: &types.FunctionCode{ZipFile: code}, Timeout: aws.Int32(300), Architectures: []types.Architecture{architecture(runtime.GOARCH)},
	}
	if change != nil {
		change(in)
	}
	return in
}

func create(t *testing.T, c *cloud, change func(*sdk.CreateFunctionInput)) *sdk.CreateFunctionOutput {
	t.Helper()
	out, err := c.client().CreateFunction(t.Context(), input(t, change))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func invoke(t *testing.T, c *cloud, payload string) *sdk.InvokeOutput {
	t.Helper()
	in := &sdk.InvokeInput{FunctionName: aws.String("f"), LogType: types.LogTypeTail}
	if payload != "" {
		in.Payload = []byte(payload)
	}
	out, err := c.client().Invoke(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// answer is what the function says of an invocation.
type answer struct {
	Event string
	Count int
	PID   int
	ARN   string
	Left  float64
}

func decode(t *testing.T, payload []byte) (a answer) {
	t.Helper()
	if err := json.Unmarshal(payload, &a); err != nil {
		t.Fatalf("%s: %v", payload, err)
	}
	return a
}

// eventually waits until the group's log holds text, and returns the log.
func eventually(t *testing.T, c *cloud, group, text string) string {
	t.Helper()
	var log string
	check.Await(t, fmt.Sprintf("the log of %s holds %q", group, text), func() error {
		log = ""
		out, err := c.logs().FilterLogEvents(t.Context(), &cloudwatchlogs.FilterLogEventsInput{LogGroupName: &group})
		if err != nil {
			return err
		}
		for _, e := range out.Events {
			log += *e.Message
		}
		if !strings.Contains(log, text) {
			return fmt.Errorf("it holds %q", log)
		}
		return nil
	})
	return log
}
