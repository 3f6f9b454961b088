package bounded

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func TestBodies(t *testing.T) {
	b := NewBodies(60<<10, time.Minute)
	read := func(body io.Reader, length, most int64) ([]byte, func(), error) {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/", body)
		r.ContentLength = length
		return b.Read(httptest.NewRecorder(), r, most)
	}
	text := strings.Repeat("0123456789", 1000)
	for name, c := range map[string]struct {
		body         io.Reader
		length, most int64
		want         error
	}{
		"with its length":    {strings.NewReader(text), 10000, 10000, nil},
		"without":            {iotest.OneByteReader(strings.NewReader(text)), -1, 10000, nil},
		"with a wrong one":   {strings.NewReader(text), 10, 10000, nil},
		"empty":              {strings.NewReader(""), 0, 0, nil},
		"too large, said":    {strings.NewReader(""), 10001, 10000, ErrTooLarge},
		"too large, sent":    {strings.NewReader(text), -1, 9999, ErrTooLarge},
		"more than all":      {strings.NewReader(strings.Repeat(text, 10)), -1, 1 << 20, ErrBusy},
		"ends too early":     {iotest.ErrReader(io.ErrUnexpectedEOF), -1, 100, ErrIncomplete},
		"more than all said": {strings.NewReader(text), 1 << 19, 1 << 20, ErrBusy},
	} {
		got, release, err := read(c.body, c.length, c.most)
		if !errors.Is(err, c.want) || c.want == nil && name != "empty" && string(got) != text {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
		release()
		release()
		if b.room.held != 0 {
			t.Errorf("%s: %d bytes are still counted", name, b.room.held)
		}
	}
	_, release, err := read(strings.NewReader(strings.Repeat(text, 3)), -1, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if _, done, err := read(strings.NewReader(strings.Repeat(text, 3)), -1, 1<<20); !errors.Is(err, ErrBusy) {
		t.Errorf("a second one beside it: %v", err)
	} else {
		done()
	}
	release()
	if _, done, err := read(strings.NewReader(strings.Repeat(text, 3)), -1, 1<<20); err != nil {
		t.Errorf("a second one after it: %v", err)
	} else {
		done()
	}
}

// A client that sends a part of its body and no more is not waited for without end.
func TestABodyThatDoesNotCome(t *testing.T) {
	b, failed := NewBodies(1<<20, 50*time.Millisecond), make(chan error, 1)
	s := Server(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, release, err := b.Read(w, r, 1<<20)
		release()
		failed <- err
	}))
	if s.ReadTimeout == 0 || s.ReadHeaderTimeout == 0 || s.IdleTimeout == 0 || s.MaxHeaderBytes == 0 {
		t.Errorf("a server without bounds: %+v", s)
	}
	s.ReadTimeout = 0 // would end it as well, later
	in, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(Listener(in)) }()
	c, err := net.Dial("tcp", in.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\npart"); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-failed:
		if !errors.Is(err, ErrSlow) {
			t.Errorf("%v", err)
		}
	case <-time.After(time.Minute): // it would be there at once
		t.Error("the body is waited for")
	}
	if err := errors.Join(s.Close()); err != nil {
		t.Error(err)
	}
	if err := <-done; !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
}

func TestConnections(t *testing.T) {
	in, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := limit(in, 2)
	accepted := make(chan net.Conn)
	go func() {
		defer close(accepted)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	var open []net.Conn
	for range 3 {
		c, err := net.Dial("tcp", in.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	open = append(open, <-accepted, <-accepted)
	select {
	case <-accepted:
		t.Fatal("a third connection is taken beside two")
	case <-time.After(50 * time.Millisecond): // it would be there at once
	}
	open[0].Close()
	open[0].Close() // gives one place, not two
	third := <-accepted
	if len(l.(*listener).free) != 2 {
		t.Errorf("%d places are taken", len(l.(*listener).free))
	}
	third.Close()
	open[1].Close()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if c, more := <-accepted; more {
		t.Errorf("%v is taken after the end", c)
	}
}

// FuzzBodies: what is read is what was sent, or nothing.
func FuzzBodies(f *testing.F) {
	f.Add([]byte("body"), int64(4), int64(4))
	f.Add(bytes.Repeat([]byte("x"), 5000), int64(-1), int64(6000))
	f.Fuzz(func(t *testing.T, sent []byte, length, most int64) {
		b := NewBodies(1<<20, time.Minute)
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/", bytes.NewReader(sent))
		r.ContentLength = length
		got, release, err := b.Read(httptest.NewRecorder(), r, most)
		if err == nil && (!bytes.Equal(got, sent) || int64(len(got)) > most) {
			t.Errorf("%d bytes of %d", len(got), len(sent))
		}
		release()
		if b.room.held != 0 {
			t.Error("bytes are still counted")
		}
	})
}
