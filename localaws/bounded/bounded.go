// Package bounded keeps what comes from outside within bounds: how many connections a
// server has and how long they may be idle, and for the bodies of requests how large
// one is, how long it takes to come, and how much memory all of them take that are in
// work at the same time.
package bounded

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// Bounds of every server of the cloud.
const (
	maxConnections = 1000
	maxHeaders     = 64 << 10
	headerTime     = 10 * time.Second
	requestTime    = 2 * time.Minute // with the body, whoever reads it
	idleTime       = 2 * time.Minute
	maxDropped     = 64 << 20 // bytes of a body that are dropped after its answer
	dropTime       = 30 * time.Second
)

// Server is an HTTP server whose connections are bounded when it serves a Listener. An
// answer that takes longer than a request may take to come needs Bodies.Read, which
// lifts that limit once the body is there.
func Server(handler http.Handler) *http.Server {
	return &http.Server{Handler: handler, ReadHeaderTimeout: headerTime, ReadTimeout: requestTime, IdleTimeout: idleTime,
		MaxHeaderBytes: maxHeaders}
}

// Listener has at most a thousand connections open: others wait until one is closed.
func Listener(in net.Listener) net.Listener { return limit(in, maxConnections) }

func limit(in net.Listener, most int) net.Listener {
	return &listener{Listener: in, free: make(chan struct{}, most), closed: make(chan struct{})}
}

type listener struct {
	net.Listener
	free   chan struct{} // has a value for each connection that is open
	once   sync.Once
	closed chan struct{}
}

// Accept waits for a free place, then for a connection.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case l.free <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.free
		return nil, err
	}
	return &conn{Conn: c, release: sync.OnceFunc(func() { <-l.free })}, nil
}

// Close closes the listener, and ends an Accept that waits.
func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

type conn struct {
	net.Conn
	release func()
}

// Close gives the connection's place to another.
func (c *conn) Close() error {
	err := c.Conn.Close()
	c.release()
	return err
}

// SetLinger is TCP's: a connection that is cut by a reset must know how.
func (c *conn) SetLinger(seconds int) error {
	tcp, ok := c.Conn.(*net.TCPConn)
	if !ok {
		return errors.ErrUnsupported
	}
	return tcp.SetLinger(seconds)
}

// Errors of Bodies.Read.
var (
	ErrTooLarge   = errors.New("the request body is too large")
	ErrBusy       = errors.New("the memory limit for request bodies is reached")
	ErrSlow       = errors.New("the request body was not received in time")
	ErrIncomplete = errors.New("the request body is incomplete")
)

// Room is memory that many take parts of, up to a total of bytes.
type Room struct {
	total int64

	mu   sync.Mutex
	held int64
}

// NewRoom makes a room of so many bytes.
func NewRoom(total int64) *Room { return &Room{total: total} }

// Take counts so many bytes, if there is room for them.
func (r *Room) Take(n int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held+n > r.total {
		return false
	}
	r.held += n
	return true
}

// Give gives bytes back that were taken.
func (r *Room) Give(n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held -= n
}

// Bodies are the bodies of all requests of a server.
type Bodies struct {
	room *Room
	time time.Duration
}

// NewBodies makes room for bodies of so many bytes in all, each of which has to come
// within so long a time.
func NewBodies(total int64, within time.Duration) *Bodies { return &Bodies{NewRoom(total), within} }

// Read reads a whole body of at most so many bytes. What it takes is counted until
// release is called, which has to be done in any case.
func (b *Bodies) Read(w http.ResponseWriter, r *http.Request, most int64) (body []byte, release func(), err error) {
	var mine int64
	release = func() {
		b.room.Give(mine)
		mine = 0
	}
	if r.ContentLength > most {
		return nil, release, ErrTooLarge
	}
	control := http.NewResponseController(w)
	// The deadline is the connection's. Where there is none, as in a test, nobody waits.
	if control.SetReadDeadline(time.Now().Add(b.time)) == nil {
		defer func() { _ = control.SetReadDeadline(time.Time{}) }() // the answer does not depend on it
	}
	const first = 4 << 10
	body = []byte{}
	for {
		if len(body) == cap(body) {
			// A body that says how long it is grows to that at once from the second step on.
			size := max(first, 2*int64(cap(body)))
			if r.ContentLength > 0 && cap(body) > 0 {
				size = max(r.ContentLength+1, int64(cap(body))+1)
			}
			if !b.room.Take(size - int64(cap(body))) {
				return nil, release, ErrBusy
			}
			mine += size - int64(cap(body))
			body = append(make([]byte, 0, size), body...)
		}
		n, err := r.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case int64(len(body)) > most:
			return nil, release, ErrTooLarge
		case errors.Is(err, io.EOF):
			return body, release, nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil, release, ErrSlow
		case err != nil:
			return nil, release, fmt.Errorf("%w: %w", ErrIncomplete, err)
		}
	}
}

// AnswerUnread answers a request whose body was not read to its end, and closes its
// connection. The answer has to say how long it is. AnswerUnread reads and drops for a while what the client still sends: a connection
// that is closed with data unread is reset, and the reset can reach the client before
// the answer does.
func AnswerUnread(w http.ResponseWriter, body io.Reader, answer func()) {
	control := http.NewResponseController(w)
	w.Header().Set("Connection", "close")
	if control.EnableFullDuplex() != nil { // a writer without a connection, as in a test
		answer()
		return
	}
	answer()
	if control.Flush() != nil || control.SetReadDeadline(time.Now().Add(dropTime)) != nil {
		return // the client is gone
	}
	_, _ = io.CopyN(io.Discard, body, maxDropped) // its end and its errors mean the same: nothing more is read
}
