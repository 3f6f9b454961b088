package localaws_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/amp"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/parascope/parascope/localaws"
	"github.com/parascope/parascope/localaws/localtest"
	"github.com/parascope/parascope/localaws/localtest/check"
)

// TestAllServicesAtOneAddress: AWS_ENDPOINT_URL is one address for all services,
// and the profiles that the cloud writes are all that a client needs beside it.
func TestAllServicesAtOneAddress(t *testing.T) {
	c := localtest.Start(t, localaws.Options{Users: []localaws.User{{Name: "auditor", Profile: "audit"}}})
	for profile, user := range map[string]string{"operator": "operator", "sender": "sender", "audit": "auditor"} {
		cfg := c.As(profile)
		if cfg.Region != "us-east-2" {
			t.Errorf("profile %s has region %q", profile, cfg.Region)
		}
		id, err := sts.NewFromConfig(cfg).GetCallerIdentity(t.Context(), nil)
		if err != nil || aws.ToString(id.Arn) != "arn:aws:iam::111122223333:user/"+user {
			t.Errorf("profile %s: %v, %v", profile, id, err)
		}
	}
	operator := amp.NewFromConfig(c.Operator())
	made, err := operator.CreateWorkspace(t.Context(), &amp.CreateWorkspaceInput{Alias: aws.String("w")})
	if err != nil {
		t.Fatal(err)
	}
	got, err := operator.DescribeWorkspace(t.Context(), &amp.DescribeWorkspaceInput{WorkspaceId: made.WorkspaceId})
	if err != nil || aws.ToString(got.Workspace.PrometheusEndpoint) != c.URL()+"/workspaces/"+*made.WorkspaceId+"/" {
		t.Errorf("%v, %v", got, err)
	}
}

func TestOnlyHealthIsUnsigned(t *testing.T) {
	c := localtest.Start(t, localaws.Options{})
	for path, want := range map[string]int{"/_localaws/health": 200, "/": 403, "/workspaces": 403, "/_localaws": 403,
		"/_localaws/health/": 403} {
		req, err := http.NewRequestWithContext(t.Context(), "GET", c.URL()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err := errors.Join(err, resp.Body.Close()); err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != want {
			t.Errorf("GET %s: %d %s, want %d", path, resp.StatusCode, body, want)
		}
	}
}

// TestOtherSitesNames: a page elsewhere whose name points here reads neither the health
// answer nor the machine's credentials.
func TestOtherSitesNames(t *testing.T) {
	c := localtest.Start(t, localaws.Options{IMDS: localaws.IMDS{Listen: "127.0.0.1:0", Role: localaws.Role{Name: "machine"}}})
	for _, u := range []string{c.URL() + localaws.HealthPath, c.MetadataURL() + "/latest/api/token"} {
		for host, want := range map[string]int{"": 200, "rebound.example.com": 403} {
			method := "PUT"
			if strings.HasSuffix(u, localaws.HealthPath) {
				method = "GET"
			}
			r, err := http.NewRequestWithContext(t.Context(), method, u, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Host = host
			r.Header.Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "60")
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != want {
				t.Errorf("%s %s asked as %q: %d, want %d", method, u, host, resp.StatusCode, want)
			}
		}
	}
}

// TestRestart: keys that a shell has exported and workspaces go on after a restart.
func TestRestart(t *testing.T) {
	c := localtest.Start(t, localaws.Options{})
	before := c.Operator()
	made, err := amp.NewFromConfig(before).CreateWorkspace(t.Context(), &amp.CreateWorkspaceInput{Alias: aws.String("w")})
	if err != nil {
		t.Fatal(err)
	}
	c.Stop()
	c = localtest.Start(t, localaws.Options{DataDir: c.Dir})
	again := amp.NewFromConfig(before, func(o *amp.Options) { o.BaseEndpoint = aws.String(c.URL()) }) // on another free port
	got, err := again.DescribeWorkspace(t.Context(), &amp.DescribeWorkspaceInput{WorkspaceId: made.WorkspaceId})
	if err != nil || aws.ToString(got.Workspace.Alias) != "w" {
		t.Errorf("with the keys from before the restart: %v, %v", got, err)
	}
}

// Without a role there is nothing that a metadata service could hand out.
func TestMetadataNeedsARole(t *testing.T) {
	_, err := localaws.New(localaws.Options{DataDir: t.TempDir(), IMDS: localaws.IMDS{Listen: "127.0.0.1:0"}})
	if err == nil || !strings.Contains(err.Error(), "set IMDS.Role") {
		t.Errorf("%v", err)
	}
}

func TestDataDirectoryHasOneCloud(t *testing.T) {
	c := localtest.Start(t, localaws.Options{})
	_, err := localaws.New(localaws.Options{DataDir: c.Dir})
	if held, ok := errors.AsType[*localaws.HeldError](err); !ok || held.PID != os.Getpid() {
		t.Errorf("a second cloud on one directory: %v", err)
	}
	c.Stop()
	localtest.Start(t, localaws.Options{DataDir: c.Dir}) // free again
}

func TestKeysAreTheOwnersAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	localtest.Start(t, localaws.Options{DataDir: dir})
	for name, want := range map[string]os.FileMode{"aws": 0o700, "aws/credentials": 0o600, "aws/config": 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v; want %o", name, info.Mode().Perm(), err, want)
		}
	}
}

func TestTakenAddress(t *testing.T) {
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := localaws.New(localaws.Options{DataDir: t.TempDir(), Listen: l.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(t.Context()); err == nil || !strings.Contains(err.Error(), l.Addr().String()) {
		t.Errorf("%v", err)
	}
	if err := c.Stop(t.Context()); err != nil {
		t.Errorf("stopping what did not start: %v", err)
	}
}

// TestStopEndsInvocations: a function whose own calls get no answer runs until its timeout, and so
// does the Invoke that waits for it.
func TestStopEndsInvocations(t *testing.T) {
	c := localtest.Start(t, localaws.Options{})
	role, err := iam.NewFromConfig(c.Operator()).CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: aws.String("function"),
		AssumeRolePolicyDocument: aws.String(`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
			"Principal": {"Service": "lambda.amazonaws.com"}}]}`)})
	check.OK(t, err)
	begun := filepath.Join(t.TempDir(), "begun")
	functions := lambda.NewFromConfig(c.Operator())
	_, err = functions.CreateFunction(t.Context(), &lambda.CreateFunctionInput{
		FunctionName: aws.String("f"), Role: role.Role.Arn, Runtime: types.RuntimeProvidedal2023, Handler: aws.String("bootstrap"),
		Code: &types.FunctionCode{ZipFile: program(t, "#!/bin/sh\n: >"+begun+"\nexec sleep 600\n")}, Timeout: aws.Int32(300),
	})
	check.OK(t, err)
	type result struct {
		out *lambda.InvokeOutput
		err error
	}
	ended := make(chan result, 1)
	go func() {
		out, err := functions.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("f")})
		ended <- result{out, err}
	}()
	check.Await(t, "the function runs", func() error {
		_, err := os.Stat(begun)
		return err
	})
	c.Stop() // an error of it fails the test
	if got := <-ended; got.err != nil || !strings.Contains(string(got.out.Payload), "Runtime exited with error: signal: killed") {
		t.Errorf("the caller of Invoke got %+v, %v", got.out, got.err)
	}
}

// program is a function's code: a script that is its bootstrap.
func program(t *testing.T, script string) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	header := &zip.FileHeader{Name: "bootstrap"}
	header.SetMode(0o755)
	f, err := w.CreateHeader(header)
	check.OK(t, err)
	_, err = io.WriteString(f, script)
	check.OK(t, errors.Join(err, w.Close()))
	return b.Bytes()
}
