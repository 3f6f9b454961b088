// Package runtimeapi is the local cloud's side of Lambda's runtime API: what the
// process of a function asks for its next invocation, and tells the result of it.
// Each execution environment has a server of its own, which only that process
// knows. https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
package runtimeapi

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/parascope/parascope/localaws/bounded"
	"github.com/parascope/parascope/localaws/hostcheck"
)

// MaxPayload is the largest result of an invocation, in bytes.
const MaxPayload = 6291556

// Invocation is what a function is to do.
type Invocation struct {
	RequestID     string
	FunctionARN   string
	TraceID       string
	ClientContext string // JSON; "" without one
	Deadline      time.Time
	Payload       []byte
}

// Result is what became of an invocation, in the function's own words.
type Result struct {
	Payload   []byte
	Failed    bool
	ErrorType string // of a failure, as the runtime names it
}

// Server is the runtime API of one execution environment.
type Server struct {
	listener   net.Listener
	http       *http.Server
	waiting    chan *pending
	ready      chan struct{}
	readyOnce  sync.Once
	initFailed chan Result

	mu      sync.Mutex
	current *pending // taken, and not answered yet
}

// pending is an invocation on its way.
type pending struct {
	Invocation
	taken  func()
	result chan Result // has room for one
}

// Start serves on a free port of the loopback interface until Close.
func Start() (*Server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("could not listen for a function's runtime: %w", err)
	}
	s := &Server{listener: listener, waiting: make(chan *pending), ready: make(chan struct{}), initFailed: make(chan Result, 1)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", s.next)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", s.response)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", s.failure)
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", s.initError)
	s.http = bounded.Server(hostcheck.Handler(mux))
	s.http.ReadTimeout = 0                      // a runtime waits for its next invocation as long as there is none
	go s.http.Serve(bounded.Listener(listener)) // ends with Close, and says nothing but that
	return s, nil
}

// Addr is the host:port for AWS_LAMBDA_RUNTIME_API.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Close ends the API; a runtime that waits for its next invocation is cut off.
func (s *Server) Close() error { return s.http.Close() }

// Ready is closed when the runtime asks for its first invocation: it is initialized.
func (s *Server) Ready() <-chan struct{} { return s.ready }

// InitFailed delivers what the runtime says when it could not be initialized.
func (s *Server) InitFailed() <-chan Result { return s.initFailed }

// Invoke gives the runtime an invocation and waits for its result, or for the end
// of ctx, whose cause it returns then. It calls taken before the runtime sees the
// invocation; one whose taken was not called has not begun. One at a time.
func (s *Server) Invoke(ctx context.Context, inv Invocation, taken func()) (Result, error) {
	p := &pending{Invocation: inv, taken: taken, result: make(chan Result, 1)}
	select {
	case s.waiting <- p:
	case <-ctx.Done():
		return Result{}, context.Cause(ctx)
	}
	select {
	case result := <-p.result:
		return result, nil
	case <-ctx.Done():
	}
	// The result may have come with the process' last breath.
	select {
	case result := <-p.result:
		return result, nil
	default:
		return Result{}, context.Cause(ctx)
	}
}

func (s *Server) next(w http.ResponseWriter, r *http.Request) {
	s.readyOnce.Do(func() { close(s.ready) })
	var p *pending
	select {
	case p = <-s.waiting:
	case <-r.Context().Done():
		return
	}
	s.mu.Lock()
	s.current = p
	s.mu.Unlock()
	p.taken()
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Lambda-Runtime-Aws-Request-Id", p.RequestID)
	h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(p.Deadline.UnixMilli(), 10))
	h.Set("Lambda-Runtime-Invoked-Function-Arn", p.FunctionARN)
	h.Set("Lambda-Runtime-Trace-Id", p.TraceID)
	if p.ClientContext != "" {
		h.Set("Lambda-Runtime-Client-Context", p.ClientContext)
	}
	w.Write(p.Payload) // an error means that the process is gone, which ends the invocation
}

// Trailers of a response that began well and failed on the way.
const (
	errorType = "Lambda-Runtime-Function-Error-Type"
	errorBody = "Lambda-Runtime-Function-Error-Body"
)

func (s *Server) response(w http.ResponseWriter, r *http.Request) {
	payload, err := readPayload(r)
	if err != nil {
		s.tooLarge(w, r, err)
		return
	}
	result := Result{Payload: payload}
	if kind := r.Trailer.Get(errorType); kind != "" {
		body, err := base64.StdEncoding.DecodeString(r.Trailer.Get(errorBody))
		if err != nil {
			answer(w, http.StatusBadRequest, "InvalidTrailer", "The error's body is not base64")
			return
		}
		result = Result{Payload: body, Failed: true, ErrorType: kind}
	}
	s.finish(w, r, result)
}

func (s *Server) failure(w http.ResponseWriter, r *http.Request) {
	payload, err := readPayload(r)
	if err != nil {
		s.tooLarge(w, r, err)
		return
	}
	s.finish(w, r, Result{Payload: payload, Failed: true, ErrorType: r.Header.Get(errorType)})
}

// finish hands the result on, if its invocation is the one that is running.
func (s *Server) finish(w http.ResponseWriter, r *http.Request, result Result) {
	s.mu.Lock()
	p := s.current
	if p != nil && p.RequestID == r.PathValue("id") {
		s.current = nil
	} else {
		p = nil
	}
	s.mu.Unlock()
	if p == nil {
		answer(w, http.StatusBadRequest, "InvalidRequestID", "Invalid request ID")
		return
	}
	p.result <- result
	accepted(w)
}

// tooLarge ends an invocation whose result cannot be taken.
func (s *Server) tooLarge(w http.ResponseWriter, r *http.Request, err error) {
	if _, is := errors.AsType[*http.MaxBytesError](err); !is {
		return // the process was cut off while it sent
	}
	const message = "Response payload size exceeded maximum allowed payload size (6291556 bytes)."
	body, err := json.Marshal(map[string]string{"errorType": "Function.ResponseSizeTooLarge", "errorMessage": message})
	if err != nil {
		return // two strings are always encoded
	}
	s.mu.Lock()
	p := s.current
	s.current = nil
	s.mu.Unlock()
	if p != nil {
		p.result <- Result{Payload: body, Failed: true, ErrorType: "Function.ResponseSizeTooLarge"}
	}
	bounded.AnswerUnread(w, r.Body, func() { answer(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", message) })
}

func (s *Server) initError(w http.ResponseWriter, r *http.Request) {
	payload, err := readPayload(r)
	if err != nil {
		return // the process was cut off while it sent, or says more than anyone reads
	}
	select {
	case s.initFailed <- Result{Payload: payload, Failed: true, ErrorType: r.Header.Get(errorType)}:
	default: // one failure is enough
	}
	accepted(w)
}

func readPayload(r *http.Request) ([]byte, error) {
	return io.ReadAll(http.MaxBytesReader(nil, r.Body, MaxPayload))
}

func accepted(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	io.WriteString(w, `{"status":"OK"}`+"\n") // an error means that the process is gone
}

func answer(w http.ResponseWriter, status int, kind, message string) {
	body, err := json.Marshal(map[string]string{"errorType": kind, "errorMessage": message})
	if err != nil {
		body = nil // two strings are always encoded
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	w.Write(body) // an error means that the process is gone
}
