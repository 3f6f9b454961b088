package logs

import (
	"cmp"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/state"
)

var streamName = regexp.MustCompile(`^[^:*\x00]+$`)

// streamsOf are the streams of a group, by name.
func streamsOf(tx *state.Tx, g *group) ([]stream, error) {
	var streams []stream
	err := tx.ForEach(streamBucket, func(key string, decode func(any) error) error {
		if !strings.HasPrefix(key, g.path()+"\x00") {
			return nil
		}
		var s stream
		err := decode(&s)
		streams = append(streams, s)
		return err
	})
	return streams, err
}

func (l *Logs) createLogStream(w http.ResponseWriter, r *gateway.Request) error {
	var in named
	if err := parse(r, &in); err != nil {
		return err
	}
	if utf8.RuneCountInString(in.LogStreamName) > 512 || !streamName.MatchString(in.LogStreamName) {
		return invalid("1 validation error detected: Value '%s' at 'logStreamName' failed to satisfy constraint: Member must satisfy regular "+
			"expression pattern: [^:*]* and have length between 1 and 512", in.LogStreamName)
	}
	err := l.opts.State.Update(func(tx *state.Tx) error {
		g, err := find(tx, r, in.groupName())
		if err != nil {
			return err
		}
		key := path(g.Region, g.Name, in.LogStreamName)
		var old stream
		if found, err := tx.Get(streamBucket, key, &old); err != nil {
			return err
		} else if found {
			return refuse("ResourceAlreadyExistsException", "The specified log stream already exists")
		}
		return tx.Put(streamBucket, key, stream{Name: in.LogStreamName, CreatedAt: r.Now})
	})
	if err != nil {
		return err
	}
	return gateway.WriteJSON(w, http.StatusOK, nil)
}

func (l *Logs) deleteLogStream(w http.ResponseWriter, r *gateway.Request) error {
	var in named
	if err := parse(r, &in); err != nil {
		return err
	}
	err := l.opts.State.Update(func(tx *state.Tx) error {
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
		if err := removeEvents(tx, g, func(e *event) bool { return e.Stream == s.Name }); err != nil {
			return err
		}
		return tx.Delete(streamBucket, key)
	})
	if err != nil {
		return err
	}
	return gateway.WriteJSON(w, http.StatusOK, nil)
}

const maxStreams = 50 // of a page, and the default

type describedStream struct {
	LogStreamName       string `json:"logStreamName"`
	CreationTime        int64  `json:"creationTime"`
	FirstEventTimestamp int64  `json:"firstEventTimestamp,omitempty"`
	LastEventTimestamp  int64  `json:"lastEventTimestamp,omitempty"`
	LastIngestionTime   int64  `json:"lastIngestionTime,omitempty"`
	ARN                 string `json:"arn"`
	StoredBytes         int64  `json:"storedBytes"`
}

func (l *Logs) describeLogStreams(w http.ResponseWriter, r *gateway.Request) error {
	var in struct {
		named
		LogStreamNamePrefix, OrderBy, NextToken string
		Descending                              bool
		Limit                                   int
	}
	if err := parse(r, &in); err != nil {
		return err
	}
	byTime := in.OrderBy == "LastEventTime"
	switch {
	case byTime && in.LogStreamNamePrefix != "":
		return invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
	case !byTime && in.OrderBy != "" && in.OrderBy != "LogStreamName":
		return invalid("1 validation error detected: Value '%s' at 'orderBy' failed to satisfy constraint: Member must satisfy enum value set: "+
			"[LogStreamName, LastEventTime]", in.OrderBy)
	case in.Limit < 0 || in.Limit > maxStreams:
		return invalid("1 validation error detected: Value '%d' at 'limit' failed to satisfy constraint: Member must have value between 1 and %d",
			in.Limit, maxStreams)
	}
	var streams []stream
	var arn string
	err := l.opts.State.View(func(tx *state.Tx) error {
		g, err := find(tx, r, in.groupName())
		if err != nil {
			return err
		}
		arn = g.arn()
		streams, err = streamsOf(tx, g)
		return err
	})
	if err != nil {
		return err
	}
	streams = slices.DeleteFunc(streams, func(s stream) bool { return !strings.HasPrefix(s.Name, in.LogStreamNamePrefix) })
	slices.SortFunc(streams, func(a, b stream) int {
		order := strings.Compare(a.Name, b.Name)
		if byTime {
			order = cmp.Or(cmp.Compare(a.LastEvent, b.LastEvent), order)
		}
		if in.Descending {
			return -order
		}
		return order
	})
	if at := slices.IndexFunc(streams, func(s stream) bool { return s.Name == in.NextToken }); in.NextToken != "" && at >= 0 {
		streams = streams[at+1:]
	}
	limit := in.Limit
	if limit == 0 {
		limit = maxStreams
	}
	out := map[string]any{}
	if len(streams) > limit {
		streams = streams[:limit]
		out["nextToken"] = streams[limit-1].Name
	}
	described := []describedStream{}
	for _, s := range streams {
		described = append(described, describedStream{s.Name, s.CreatedAt.UnixMilli(), s.FirstEvent, s.LastEvent, s.LastIngestion,
			arn + ":log-stream:" + s.Name, 0})
	}
	out["logStreams"] = described
	return gateway.WriteJSON(w, http.StatusOK, out)
}
