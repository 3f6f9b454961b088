// Package logs is the local cloud's Amazon CloudWatch Logs: log groups with their
// retention, streams, events that can be read, filtered and followed, and the queries of
// Logs Insights that dashboards ask.
package logs

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/principal"
	"github.com/parascope/parascope/localaws/state"
)

// Options are what the service is made of; all are needed.
type Options struct {
	State  *state.DB
	Now    func() time.Time
	NewID  func() string // UUIDs
	Logger *slog.Logger
}

// Logs is the service.
type Logs struct{ opts Options }

// Buckets of the state. The keys begin with region and group, see path; each group
// has a bucket of its own for its events.
const (
	groupBucket  = "logs-groups"
	streamBucket = "logs-streams"
	eventBucket  = "logs-events/" // + path of the group: stream NUL sequence → event
)

// group is a log group as it is stored.
type group struct {
	Region    string
	Name      string
	CreatedAt time.Time
	Retention int // days; 0: for ever
	Tags      map[string]string
	Sequence  int64 // of the last event, in all streams
}

// stream is a log stream as it is stored. Times are in milliseconds, 0 for none.
type stream struct {
	Name                                      string
	CreatedAt                                 time.Time
	FirstEvent, LastEvent, LastIngestion, Len int64
}

// event is a log event as it is stored.
type event struct {
	Stream    string
	Sequence  int64
	Timestamp int64 // milliseconds
	Ingestion int64
	Message   string
}

// New opens the service on its state, and forgets the events whose retention is over.
func New(o Options) (*Logs, error) {
	l := &Logs{o}
	if err := l.expire(o.Now()); err != nil {
		return nil, fmt.Errorf("could not remove log events past their retention: %w", err)
	}
	return l, nil
}

func (l *Logs) expire(now time.Time) error {
	return l.opts.State.Update(func(tx *state.Tx) error {
		var groups []group
		err := tx.ForEach(groupBucket, func(_ string, decode func(any) error) error {
			var g group
			err := decode(&g)
			groups = append(groups, g)
			return err
		})
		if err != nil {
			return err
		}
		for _, g := range groups {
			oldest := g.oldest(now)
			if err := removeEvents(tx, &g, func(e *event) bool { return e.Timestamp < oldest }); err != nil {
				return err
			}
		}
		return nil
	})
}

// oldest is the time of the oldest events that the group still has.
func (g *group) oldest(now time.Time) int64 {
	if g.Retention == 0 {
		return 0
	}
	return now.AddDate(0, 0, -g.Retention).UnixMilli()
}

func (g *group) path() string { return path(g.Region, g.Name) }

func (g *group) arn() string { return groupARN(g.Region, g.Name) }

// path joins what names a group, or with a stream's name a stream, to a key of the state.
func path(parts ...string) string { return strings.Join(parts, "\x00") }

func groupARN(region, name string) string {
	return "arn:aws:logs:" + region + ":" + principal.Account + ":log-group:" + name
}

// named is what requests call the group and the stream they are about.
type named struct {
	LogGroupName       string
	LogGroupIdentifier string // name or ARN
	LogStreamName      string
	ResourceARN        string
}

// groupName is the name of the group that the request is about.
func (n named) groupName() string {
	for _, arn := range []string{n.LogGroupIdentifier, n.ResourceARN} {
		if _, name, ok := strings.Cut(arn, ":log-group:"); ok {
			return strings.TrimSuffix(name, ":*")
		}
	}
	if n.LogGroupName == "" {
		return n.LogGroupIdentifier
	}
	return n.LogGroupName
}

// resource is what a permission must be for. Of actions on a group it is the ARN
// of the group's streams, none of them named.
func resource(r *gateway.Request) []string {
	var n named
	// What cannot be read is refused by the operation itself.
	_ = json.Unmarshal(r.Body, &n)
	if n.ResourceARN != "" {
		return []string{groupARN(r.Region, n.groupName())}
	}
	return []string{groupARN(r.Region, n.groupName()) + ":log-stream:" + n.LogStreamName}
}

func refuse(code, message string) error {
	return &gateway.Error{Status: http.StatusBadRequest, Code: code, Message: message}
}

func invalid(format string, args ...any) error {
	return refuse("InvalidParameterException", fmt.Sprintf(format, args...))
}

func noGroup() error {
	return refuse("ResourceNotFoundException", "The specified log group does not exist.")
}

func noStream() error {
	return refuse("ResourceNotFoundException", "The specified log stream does not exist.")
}

func parse(r *gateway.Request, v any) error {
	if err := json.Unmarshal(r.Body, v); err != nil {
		return refuse("SerializationException", "Could not parse request body into json")
	}
	return nil
}

// find loads the group of this name, in the request's region.
func find(tx *state.Tx, r *gateway.Request, name string) (*group, error) {
	var g group
	found, err := tx.Get(groupBucket, path(r.Region, name), &g)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, noGroup()
	}
	return &g, nil
}

// removeEvents deletes those events of a group that doomed tells.
func removeEvents(tx *state.Tx, g *group, doomed func(*event) bool) error {
	var keys []string
	err := tx.ForEach(eventBucket+g.path(), func(key string, decode func(any) error) error {
		var e event
		if err := decode(&e); err != nil {
			return err
		}
		if doomed(&e) {
			keys = append(keys, key)
		}
		return nil
	})
	for _, key := range keys {
		if err == nil {
			err = tx.Delete(eventBucket+g.path(), key)
		}
	}
	return err
}
