// Package receive is the far end of remote write for benchmarks: it takes what
// an agent sends, counts it, and gets into trouble when told to. It reads the
// protocol for itself and shares no code with any agent, ours least of all.
package receive

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/golang/snappy"
)

// Answer is what a receiver does with a request.
type Answer string

// The answers, in AMP's words where AMP has any.
const (
	Accept      Answer = "accept"      // take it: 200
	Forbid      Answer = "forbid"      // 403, as with an expired token
	Throttle    Answer = "throttle"    // 429 without Retry-After
	Unavailable Answer = "unavailable" // 503
	Hang        Answer = "hang"        // read the request, say nothing, take nothing
	Reset       Answer = "reset"       // read the request, cut the connection, take nothing
)

// Options are what a Receiver is made of.
type Options struct {
	// Records keeps every series and timestamp; without it samples are counted
	// only, which is cheap enough to stand beside a measurement.
	Records bool
	// Authorized says whether a request's credentials are good; nil takes all.
	Authorized func(*http.Request) bool
	Logger     *slog.Logger
}

// Receiver is a remote write endpoint at Path of its URL.
type Receiver struct {
	opts    Options
	address string

	mu          sync.Mutex
	server      *http.Server
	answer      Answer
	refuse      func(metric string) string
	changed     chan struct{} // closed when answer changes
	inFlight    int
	maxInFlight int
	statuses    map[int]int
	samples     int
	record      *record
}

// Path is where samples go: AMP's, for a workspace that is called bench.
const Path = "/workspaces/ws-bench/api/v1/remote_write"

// New binds a free port of this machine and takes requests until Close.
func New(o Options) (*Receiver, error) {
	r := &Receiver{opts: o, answer: Accept, changed: make(chan struct{}), statuses: map[int]int{}, record: newRecord()}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("bind receiver: %w", err)
	}
	r.address = listener.Addr().String()
	r.serve(listener)
	return r, nil
}

func (r *Receiver) serve(listener net.Listener) {
	server := &http.Server{Handler: r, ReadHeaderTimeout: 10 * time.Second,
		ErrorLog: slog.NewLogLogger(r.opts.Logger.Handler(), slog.LevelDebug)}
	r.mu.Lock()
	r.server = server
	r.mu.Unlock()
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			r.opts.Logger.Error("receiver stopped", "err", err)
		}
	}()
}

// URL is the whole address for remote_write.
func (r *Receiver) URL() string { return "http://" + r.address + Path }

// Down closes the port and every connection, as a process that ends does.
func (r *Receiver) Down() error {
	r.mu.Lock()
	server := r.server
	r.mu.Unlock()
	return server.Close()
}

// Up binds the same port again.
func (r *Receiver) Up() error {
	listener, err := net.Listen("tcp", r.address)
	if err != nil {
		return fmt.Errorf("bind receiver again: %w", err)
	}
	r.serve(listener)
	return nil
}

// Set changes what requests are answered from now on. Requests that hang are let
// go without an answer.
func (r *Receiver) Set(a Answer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = a
	close(r.changed)
	r.changed = make(chan struct{})
}

// Refuse answers requests with a 400 whose series refuse finds a text for, by the names
// of their metrics; what else is in them is taken, as Cortex does. nil refuses none.
func (r *Receiver) Refuse(refuse func(metric string) string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refuse = refuse
}

// ServeHTTP takes one remote write request.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	answer, changed := r.answer, r.changed
	r.inFlight++
	r.maxInFlight = max(r.maxInFlight, r.inFlight)
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		r.inFlight--
		r.mu.Unlock()
	}()
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return // the sender went away
	}
	if answer == Accept && r.opts.Authorized != nil && !r.opts.Authorized(req) {
		answer = Forbid
	}
	switch answer {
	case Accept:
		status, text := r.take(req, body)
		r.say(w, status, text)
	case Forbid:
		r.say(w, http.StatusForbidden, `{"message":"The security token included in the request is expired"}`)
	case Throttle:
		r.say(w, http.StatusTooManyRequests, "ingestion rate limit (6666.67) exceeded while adding 499 samples and 0 metadata")
	case Unavailable:
		r.say(w, http.StatusServiceUnavailable, "")
	case Hang:
		select {
		case <-req.Context().Done():
		case <-changed:
		}
		panic(http.ErrAbortHandler)
	case Reset:
		reset(w)
	}
}

func (r *Receiver) say(w http.ResponseWriter, status int, text string) {
	r.mu.Lock()
	r.statuses[status]++
	r.mu.Unlock()
	w.WriteHeader(status)
	io.WriteString(w, text) // an error means that the sender is gone
}

// reset ends the connection with a TCP reset instead of an orderly close.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0) // an error leaves an orderly close, which is trouble enough
	}
	conn.Close()
}

// take decodes and counts a request, and says how to answer it.
func (r *Receiver) take(req *http.Request, body []byte) (status int, text string) {
	if req.URL.Path != Path || req.Method != http.MethodPost {
		return http.StatusNotFound, "only POST " + Path
	}
	// AMP documents remote write 1.0 only.
	if v := req.Header.Get("X-Prometheus-Remote-Write-Version"); req.Header.Get("Content-Encoding") != "snappy" ||
		!strings.HasPrefix(v, "0.1.") {
		return http.StatusUnsupportedMediaType, "only remote write 1.0"
	}
	if len(body) > maxBody {
		return http.StatusRequestEntityTooLarge, "request size exceeds 1 MB"
	}
	message, err := snappy.Decode(nil, body)
	if err != nil {
		return http.StatusBadRequest, err.Error()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	keep := func(_ []label, samples []sample) { r.samples += len(samples) }
	if r.opts.Records {
		r.record.begin()
		keep = r.record.add
	}
	refused := ""
	err = decode(message, func(labels []label, samples []sample) {
		if why := r.refusal(labels); why != "" {
			refused = cmp.Or(refused, why)
			return
		}
		keep(labels, samples)
	})
	if err != nil {
		return http.StatusBadRequest, err.Error()
	}
	if refused != "" {
		return http.StatusBadRequest, refused
	}
	return http.StatusOK, ""
}

// refusal is why a series is refused. The caller holds mu.
func (r *Receiver) refusal(labels []label) string {
	for _, l := range labels {
		if r.refuse != nil && string(l.name) == "__name__" {
			return r.refuse(string(l.value))
		}
	}
	return ""
}

// maxBody is AMP's limit of a request as it is sent.
const maxBody = 1 << 20

// Samples is how many samples came so far, of a receiver without Records.
func (r *Receiver) Samples() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.samples
}

// Close ends the receiver.
func (r *Receiver) Close() error { return r.Down() }
