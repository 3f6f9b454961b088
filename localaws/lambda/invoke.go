package lambda

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/lambda/environment"
	"github.com/parascope/parascope/localaws/state"
)

const (
	maxRequest = 6291456 // bytes of a payload that is waited for
	maxEvent   = 1 << 20 // bytes of one that is not

	eventBucket = "lambda-events" // request id → queuedEvent
)

// queuedEvent is an asynchronous invocation until it is done.
type queuedEvent struct {
	ID            string
	Region, Name  string
	Payload       []byte
	ClientContext string
	Attempts      int // that have failed
}

func (l *Lambda) invoke(w http.ResponseWriter, r *gateway.Request) error {
	f, err := l.named(r)
	if err != nil {
		return err
	}
	kind := r.Header.Get("X-Amz-Invocation-Type")
	if kind == "" {
		kind = "RequestResponse"
	}
	payload, err := checkPayload(r.Body, kind)
	if err != nil {
		return err
	}
	clientContext, err := base64.StdEncoding.DecodeString(r.Header.Get("X-Amz-Client-Context"))
	if err != nil {
		return refuse(http.StatusBadRequest, "InvalidRequestContentException", "Client context must be a valid Base64-encoded JSON object.",
			"User")
	}
	if !f.active(r.Now) {
		return conflict("The operation cannot be performed at this time. The function is currently in the following state: Pending")
	}
	w.Header().Set("X-Amz-Executed-Version", latest)
	switch kind {
	case "DryRun":
		return gateway.WriteJSON(w, http.StatusNoContent, nil)
	case "Event":
		e := queuedEvent{ID: r.ID, Region: f.Region, Name: f.Name, Payload: payload, ClientContext: string(clientContext)}
		if err := l.opts.State.Update(func(tx *state.Tx) error { return tx.Put(eventBucket, e.ID, e) }); err != nil {
			return err
		}
		l.background(r.Context(), e)
		return gateway.WriteJSON(w, http.StatusAccepted, nil)
	case "RequestResponse":
	default:
		return outside("invocationType", kind, "Member must satisfy enum value set: [Event, RequestResponse, DryRun]")
	}
	// A function runs on when its caller goes away.
	out, err := l.execute(context.WithoutCancel(r.Context()), f,
		environment.Invocation{ID: r.ID, Payload: payload, ClientContext: string(clientContext), Trace: traceID(r.Now, r.ID)})
	if err != nil {
		return err
	}
	if out.Failed {
		w.Header().Set("X-Amz-Function-Error", "Unhandled")
	}
	if r.Header.Get("X-Amz-Log-Type") == "Tail" {
		w.Header().Set("X-Amz-Log-Result", base64.StdEncoding.EncodeToString(out.Log))
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(out.Payload) // an error means that the client is gone
	return nil
}

// checkPayload returns what the function gets: no payload at all is {} to it.
func checkPayload(body []byte, kind string) ([]byte, error) {
	limit := maxRequest
	if kind == "Event" {
		limit = maxEvent
	}
	if len(body) > limit {
		return nil, refuse(http.StatusRequestEntityTooLarge, "RequestTooLargeException",
			fmt.Sprintf("%d byte payload is too large for the %s invocation type (limit %d bytes)", len(body), kind, limit), "User")
	}
	if len(body) == 0 {
		return []byte("{}"), nil
	}
	var any json.RawMessage
	if err := json.Unmarshal(body, &any); err != nil {
		return nil, refuse(http.StatusBadRequest, "InvalidRequestContentException", "Could not parse request body into json", "User")
	}
	return body, nil
}

// traceID is a trace that nothing records, of AWS X-Ray's shape.
func traceID(now time.Time, id string) string {
	hex := strings.ReplaceAll(id, "-", "") + strings.Repeat("0", 24)
	return fmt.Sprintf("Root=1-%08x-%s;Parent=%s;Sampled=0", now.Unix(), hex[:24], hex[8:24])
}

// background runs an event that nobody waits for, three times at most, and then
// forgets it. Close interrupts it; Resume finds it in the queue.
func (l *Lambda) background(ctx context.Context, e queuedEvent) {
	ctx = context.WithoutCancel(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	l.running.Go(func() {
		for l.attempt(ctx, e) && e.Attempts < len(l.opts.RetryDelays) {
			timer := time.NewTimer(l.opts.RetryDelays[e.Attempts])
			select {
			case <-timer.C:
			case <-l.stop:
				timer.Stop()
				return
			}
			e.Attempts++
			if err := l.opts.State.Update(func(tx *state.Tx) error { return tx.Put(eventBucket, e.ID, e) }); err != nil {
				l.opts.Logger.Error("could not store an asynchronous invocation for a retry", "function", e.Name, "id", e.ID, "err", err)
			}
		}
		select {
		case <-l.stop:
			return // interrupted, not done
		default:
		}
		if err := l.opts.State.Update(func(tx *state.Tx) error { return tx.Delete(eventBucket, e.ID) }); err != nil {
			l.opts.Logger.Error("could not remove an asynchronous invocation from the queue", "function", e.Name, "id", e.ID, "err", err)
		}
	})
}

// attempt runs an event once, and reports whether it should be tried again.
func (l *Lambda) attempt(ctx context.Context, e queuedEvent) (again bool) {
	f, err := l.load(e.Region, e.Name)
	if refusal, ok := errors.AsType[*gateway.Error](err); ok {
		l.opts.Logger.Warn("an asynchronous invocation was dropped", "function", e.Name, "id", e.ID, "why", refusal.Message)
		return false
	}
	if err != nil {
		l.opts.Logger.Error("could not run an asynchronous invocation", "function", e.Name, "id", e.ID, "err", err)
		return true
	}
	out, err := l.execute(ctx, f, environment.Invocation{ID: e.ID, Payload: e.Payload, ClientContext: e.ClientContext,
		Trace: traceID(l.opts.Now(), e.ID)})
	if err != nil {
		l.opts.Logger.Warn("could not run an asynchronous invocation", "function", e.Name, "id", e.ID, "err", err)
		return true
	}
	if out.Failed {
		l.opts.Logger.Warn("asynchronous invocation failed", "function", e.Name, "id", e.ID, "attempt", e.Attempts+1, "says", string(out.Payload))
	}
	return out.Failed
}
