package runtimeapi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

func start(t *testing.T) *Server {
	t.Helper()
	s, err := Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func call(t *testing.T, s *Server, method, path string, body []byte) (int, http.Header, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.Addr()+"/2018-06-01/runtime/"+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(answer)
}

type ended struct {
	result Result
	err    error
}

// invoke begins an invocation and takes it, as a runtime does.
func invoke(t *testing.T, s *Server) <-chan ended {
	t.Helper()
	done := make(chan ended, 1)
	go func() {
		result, err := s.Invoke(t.Context(), Invocation{RequestID: "id-1", FunctionARN: "arn", TraceID: "Root=1", Deadline: time.UnixMilli(1234),
			Payload: []byte("{}")}, func() {})
		done <- ended{result, err}
	}()
	status, header, body := call(t, s, http.MethodGet, "invocation/next", nil)
	if status != 200 || body != "{}" || header.Get("Lambda-Runtime-Aws-Request-Id") != "id-1" ||
		header.Get("Lambda-Runtime-Deadline-Ms") != "1234" || header.Get("Lambda-Runtime-Invoked-Function-Arn") != "arn" {
		t.Fatalf("%d %v %s", status, header, body)
	}
	return done
}

func TestResponsesOfARuntime(t *testing.T) {
	s := start(t)
	done := invoke(t, s)
	if status, _, body := call(t, s, http.MethodPost, "invocation/other/response", []byte("1")); status != 400 ||
		!strings.Contains(body, "InvalidRequestID") {
		t.Errorf("another's id: %d %s", status, body)
	}
	if status, _, body := call(t, s, http.MethodPost, "invocation/id-1/response", []byte("1")); status != 202 ||
		body != `{"status":"OK"}`+"\n" {
		t.Errorf("%d %s", status, body)
	}
	if got := <-done; got.err != nil || got.result.Failed || string(got.result.Payload) != "1" {
		t.Errorf("%+v", got)
	}
	if status, _, _ := call(t, s, http.MethodPost, "invocation/id-1/response", []byte("1")); status != 400 {
		t.Errorf("twice: %d", status)
	}
	done = invoke(t, s)
	if status, _, _ := call(t, s, http.MethodPost, "invocation/id-1/error", []byte(`{"errorType":"x"}`)); status != 202 {
		t.Errorf("error: %d", status)
	}
	if got := <-done; got.err != nil || !got.result.Failed || string(got.result.Payload) != `{"errorType":"x"}` {
		t.Errorf("%+v", got)
	}
}

func TestAResponseThatIsTooLarge(t *testing.T) {
	s := start(t)
	done := invoke(t, s)
	if status, _, body := call(t, s, http.MethodPost, "invocation/id-1/response", make([]byte, MaxPayload+1)); status != 413 ||
		!strings.Contains(body, "RequestEntityTooLarge") {
		t.Errorf("%d %s", status, body)
	}
	if got := <-done; !got.result.Failed || got.result.ErrorType != "Function.ResponseSizeTooLarge" {
		t.Errorf("%+v", got)
	}
}

func TestAnInitializationThatFails(t *testing.T) {
	s := start(t)
	if status, _, _ := call(t, s, http.MethodPost, "init/error", []byte(`{"errorType":"Init"}`)); status != 202 {
		t.Errorf("%d", status)
	}
	if got := <-s.InitFailed(); string(got.Payload) != `{"errorType":"Init"}` {
		t.Errorf("%+v", got)
	}
	select {
	case <-s.Ready():
		t.Error("a runtime that failed is ready")
	default:
	}
}

func TestAnInvocationThatNobodyTakes(t *testing.T) {
	s := start(t)
	gone := errors.New("gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	_, err := s.Invoke(ctx, Invocation{}, func() { t.Error("it was taken") })
	if !errors.Is(err, gone) {
		t.Error(err)
	}
}
