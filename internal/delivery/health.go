package delivery

import (
	"sync"
	"time"
)

// Health is how a remote write fares, as its lanes tell it.
type Health struct {
	mu          sync.Mutex
	failing     map[int]time.Time // lanes whose last answer was "later", and since when
	began       time.Time         // of trouble that some lanes have left behind
	lastSuccess time.Time
	lastError   *Trouble
	lastDoubt   time.Time // when samples last became uncertain
	lastRefusal string    // text of the last answer that put samples in doubt
	lastLoss    time.Time // when samples were last dropped
	lossReason  string
	lastDisk    time.Time // when the disk last failed
	disk        string
	told        time.Time // when the log was last told
}

// Trouble is an answer that keeps samples waiting.
type Trouble struct {
	Time time.Time `json:"time"`
	Code int       `json:"code,omitempty"` // HTTP status; 0: no answer
	Text string    `json:"text"`
	Next string    `json:"next"` // what to do about it
	// NoCredentials: the request was never made, since it could not be signed.
	NoCredentials bool `json:"no_credentials,omitempty"`
}

// Good notes an answer of 2xx. It returns since when the remote write had
// failed if it does not any more.
func (h *Health) Good(lane int, now time.Time) (recovered time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lastSuccess = now
	return h.calm(lane)
}

// Calm notes that a lane got another final answer, or has nothing to send any more,
// or may not send it: it does not fail then. It returns since when the remote write had failed if it does not
// any more.
func (h *Health) Calm(lane int) (recovered time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.calm(lane)
}

func (h *Health) calm(lane int) (recovered time.Time) {
	if _, was := h.failing[lane]; !was {
		return time.Time{}
	}
	h.began = h.since()
	delete(h.failing, lane)
	if len(h.failing) > 0 {
		return time.Time{}
	}
	began := h.began
	h.began = time.Time{}
	return began
}

// Bad notes an answer that is not final, and reports whether it is the first one.
func (h *Health) Bad(lane int, t Trouble) (first bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	first = len(h.failing) == 0
	if _, was := h.failing[lane]; !was {
		if h.failing == nil {
			h.failing = map[int]time.Time{}
		}
		h.failing[lane] = t.Time
	}
	h.lastError = &t
	return first
}

// since is when the trouble began that goes on, or zero; the caller holds mu. It
// does not move while lanes recover one after the other.
func (h *Health) since() (first time.Time) {
	if len(h.failing) > 0 {
		first = h.began
	}
	for _, t := range h.failing {
		if first.IsZero() || t.Before(first) {
			first = t
		}
	}
	return first
}

// Refuse notes an answer that put samples in doubt.
func (h *Health) Refuse(now time.Time, text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lastDoubt, h.lastRefusal = now, text
}

// Refusal is the text of the last answer that put samples in doubt.
func (h *Health) Refusal() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.lastRefusal
}

// Loss notes that samples were dropped, for the named reason.
func (h *Health) Loss(now time.Time, reason string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lastLoss, h.lossReason = now, reason
}

// Disk notes that the queue's disk fails, whether anything was lost by it or not.
func (h *Health) Disk(now time.Time, text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lastDisk, h.disk = now, text
}

// Tell reports whether the log is to be told of a loss, of doubt or of the disk:
// once a minute is enough.
func (h *Health) Tell(now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if now.Sub(h.told) < time.Minute {
		return false
	}
	h.told = now
	return true
}

// Failing reports whether a lane's last answer was not final.
func (h *Health) Failing() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.failing) > 0
}

// Fill writes what is known into a status.
func (h *Health) Fill(r *RemoteStatus) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r.LastSuccess, r.FailingSince, r.LastLoss = h.lastSuccess.UTC(), h.since().UTC(), h.lastLoss.UTC()
	r.LossReason = h.lossReason
	if r.Disk == "" {
		r.Disk, r.diskAt = h.disk, h.lastDisk
	}
	r.LastDoubt = h.lastDoubt.UTC()
	r.LastError, r.LastRefusal = h.lastError, h.lastRefusal
}
