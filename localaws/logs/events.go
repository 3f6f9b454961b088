package logs

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/state"
)

// Bounds of one PutLogEvents.
const (
	maxBatch      = 10000
	maxBatchBytes = 1 << 20 // with eventBytes for each event
	eventBytes    = 26
	maxSpan       = 24 * time.Hour
	maxAge        = 14 * 24 * time.Hour // older events are rejected,
	maxAhead      = 2 * time.Hour       // and those from the future
)

type inputEvent struct {
	Timestamp int64
	Message   string
}

// rejected says which events of a batch were left out: those before, and from, an index.
type rejected struct {
	TooNew  *int `json:"tooNewLogEventStartIndex,omitempty"`
	TooOld  *int `json:"tooOldLogEventEndIndex,omitempty"`
	Expired *int `json:"expiredLogEventEndIndex,omitempty"`
}

func checkBatch(events []inputEvent) error {
	size := 0
	for i, e := range events {
		size += len(e.Message) + eventBytes
		switch {
		case e.Message == "":
			return invalid("1 validation error detected: Value '' at 'logEvents.%d.member.message' failed to satisfy constraint: Member must have "+
				"length greater than or equal to 1", i+1)
		case i > 0 && e.Timestamp < events[i-1].Timestamp:
			return invalid("Log events in a single PutLogEvents request must be in chronological order.")
		}
	}
	switch {
	case len(events) == 0 || len(events) > maxBatch:
		return invalid("1 validation error detected: Value at 'logEvents' failed to satisfy constraint: Member must have length between 1 and %d",
			maxBatch)
	case size > maxBatchBytes:
		return invalid("Upload too large: %d bytes exceeds limit of %d", size, maxBatchBytes)
	case events[len(events)-1].Timestamp-events[0].Timestamp > maxSpan.Milliseconds():
		return invalid("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")
	}
	return nil
}

func (l *Logs) putLogEvents(w http.ResponseWriter, r *gateway.Request) error {
	var in struct {
		named
		LogEvents []inputEvent
	}
	if err := parse(r, &in); err != nil {
		return err
	}
	if err := checkBatch(in.LogEvents); err != nil {
		return err
	}
	var out rejected
	err := l.opts.State.Update(func(tx *state.Tx) (err error) {
		g, err := find(tx, r, in.groupName())
		if err != nil {
			return err
		}
		key := path(g.Region, g.Name, in.LogStreamName)
		var s stream
		if found, err := tx.Get(streamBucket, key, &s); err != nil {
			return err
		} else if !found {
			return noStream()
		}
		var taken []inputEvent
		taken, out = sift(in.LogEvents, g, r.Now)
		for _, e := range taken {
			g.Sequence++
			s.take(e, r.Now)
			stored := event{Stream: s.Name, Sequence: g.Sequence, Timestamp: e.Timestamp, Ingestion: r.Now.UnixMilli(), Message: e.Message}
			if err := tx.Put(eventBucket+g.path(), path(s.Name, fmt.Sprintf("%020d", g.Sequence)), stored); err != nil {
				return err
			}
		}
		if err := tx.Put(streamBucket, key, s); err != nil {
			return err
		}
		return tx.Put(groupBucket, g.path(), g)
	})
	if err != nil {
		return err
	}
	answer := map[string]any{"nextSequenceToken": "00000000000000000000000000000000000000000000000000000000"}
	if out != (rejected{}) {
		answer["rejectedLogEventsInfo"] = out
	}
	return gateway.WriteJSON(w, http.StatusOK, answer)
}

// sift leaves out the events that are too old or too new for the group.
func sift(events []inputEvent, g *group, now time.Time) (taken []inputEvent, out rejected) {
	old, expired, ahead := now.Add(-maxAge).UnixMilli(), g.oldest(now), now.Add(maxAhead).UnixMilli()
	for i, e := range events {
		next := i + 1
		switch {
		case e.Timestamp < expired:
			out.Expired = &next
		case e.Timestamp < old:
			out.TooOld = &next
		case e.Timestamp > ahead && out.TooNew == nil:
			first := i
			out.TooNew = &first
		case e.Timestamp <= ahead:
			taken = append(taken, e)
		}
	}
	return taken, out
}

func (s *stream) take(e inputEvent, now time.Time) {
	if s.Len == 0 || e.Timestamp < s.FirstEvent {
		s.FirstEvent = e.Timestamp
	}
	s.LastEvent = max(s.LastEvent, e.Timestamp)
	s.LastIngestion = now.UnixMilli()
	s.Len++
}

// id names an event, in 56 digits that are in the order of the events.
func (e *event) id() string { return fmt.Sprintf("%016d%040d", e.Timestamp, e.Sequence) }

// read returns the events of a group that keep tells, by time, without those
// whose retention is over.
func (l *Logs) read(r *gateway.Request, name string, keep func(*event) bool) ([]event, error) {
	var events []event
	err := l.opts.State.View(func(tx *state.Tx) error {
		g, err := find(tx, r, name)
		if err != nil {
			return err
		}
		oldest := g.oldest(r.Now)
		return tx.ForEach(eventBucket+g.path(), func(_ string, decode func(any) error) error {
			var e event
			if err := decode(&e); err != nil {
				return err
			}
			if e.Timestamp >= oldest && keep(&e) {
				events = append(events, e)
			}
			return nil
		})
	})
	slices.SortFunc(events, func(a, b event) int {
		return cmp.Or(cmp.Compare(a.Timestamp, b.Timestamp), cmp.Compare(a.Sequence, b.Sequence))
	})
	return events, err
}

type outputEvent struct {
	LogStreamName string `json:"logStreamName,omitempty"`
	Timestamp     int64  `json:"timestamp"`
	Message       string `json:"message"`
	IngestionTime int64  `json:"ingestionTime"`
	EventID       string `json:"eventId,omitempty"`
}

// pageSize is the limit of a request, which is also its default.
func pageSize(limit int) (int, error) {
	if limit < 0 || limit > maxBatch {
		return 0, invalid("1 validation error detected: Value '%d' at 'limit' failed to satisfy constraint: Member must have value between 1 "+
			"and %d", limit, maxBatch)
	}
	if limit == 0 {
		return maxBatch, nil
	}
	return limit, nil
}

func (l *Logs) filterLogEvents(w http.ResponseWriter, r *gateway.Request) error {
	var in struct {
		named
		LogStreamNames      []string
		LogStreamNamePrefix string
		FilterPattern       string
		NextToken           string
		StartTime, EndTime  *int64
		Limit               int
	}
	if err := parse(r, &in); err != nil {
		return err
	}
	if len(in.LogStreamNames) > 0 && in.LogStreamNamePrefix != "" {
		return invalid("Cannot specify both logStreamNames and logStreamNamePrefix.")
	}
	limit, err := pageSize(in.Limit)
	if err != nil {
		return err
	}
	matches, err := parsePattern(in.FilterPattern)
	if err != nil {
		return err
	}
	events, err := l.read(r, in.groupName(), func(e *event) bool {
		return (len(in.LogStreamNames) == 0 || slices.Contains(in.LogStreamNames, e.Stream)) &&
			strings.HasPrefix(e.Stream, in.LogStreamNamePrefix) &&
			(in.StartTime == nil || e.Timestamp >= *in.StartTime) && (in.EndTime == nil || e.Timestamp <= *in.EndTime) &&
			e.id() > in.NextToken && matches(e.Message)
	})
	if err != nil {
		return err
	}
	out := map[string]any{"searchedLogStreams": []any{}}
	if len(events) > limit {
		events = events[:limit]
		out["nextToken"] = events[limit-1].id()
	}
	found := []outputEvent{}
	for _, e := range events {
		found = append(found, outputEvent{e.Stream, e.Timestamp, e.Message, e.Ingestion, e.id()})
	}
	out["events"] = found
	return gateway.WriteJSON(w, http.StatusOK, out)
}

func (l *Logs) getLogEvents(w http.ResponseWriter, r *gateway.Request) error {
	var in struct {
		named
		NextToken          string
		StartTime, EndTime *int64
		StartFromHead      bool
		Limit              int
	}
	if err := parse(r, &in); err != nil {
		return err
	}
	limit, err := pageSize(in.Limit)
	if err != nil {
		return err
	}
	direction, position, ok := strings.Cut(in.NextToken, "/")
	if in.NextToken != "" && (!ok || direction != "f" && direction != "b") {
		return invalid("The specified nextToken is invalid.")
	}
	if err := l.opts.State.View(func(tx *state.Tx) error { return streamThere(tx, r, in.groupName(), in.LogStreamName) }); err != nil {
		return err
	}
	events, err := l.read(r, in.groupName(), func(e *event) bool {
		return e.Stream == in.LogStreamName && (in.StartTime == nil || e.Timestamp >= *in.StartTime) &&
			(in.EndTime == nil || e.Timestamp < *in.EndTime) &&
			(direction != "f" || e.id() > position) && (direction != "b" || e.id() < position)
	})
	if err != nil {
		return err
	}
	if len(events) > limit {
		if direction == "f" || direction == "" && in.StartFromHead {
			events = events[:limit]
		} else {
			events = events[len(events)-limit:]
		}
	}
	// A token that finds nothing is the same again: that is how readers know the end.
	first, last := position, position
	found := []outputEvent{}
	for i, e := range events {
		if i == 0 {
			first = e.id()
		}
		last = e.id()
		found = append(found, outputEvent{Timestamp: e.Timestamp, Message: e.Message, IngestionTime: e.Ingestion})
	}
	return gateway.WriteJSON(w, http.StatusOK, map[string]any{"events": found, "nextForwardToken": "f/" + last,
		"nextBackwardToken": "b/" + first})
}

func streamThere(tx *state.Tx, r *gateway.Request, groupName, name string) error {
	g, err := find(tx, r, groupName)
	if err != nil {
		return err
	}
	var s stream
	found, err := tx.Get(streamBucket, path(g.Region, g.Name, name), &s)
	if err == nil && !found {
		return noStream()
	}
	return err
}
