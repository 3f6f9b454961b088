package logs

import (
	"cmp"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/principal"
	"github.com/parascope/parascope/localaws/state"
)

const queryBucket = "logs-queries"

// Bounds of a query of Logs Insights.
const (
	queryGroups  = 50
	maxRows      = 10000
	standardRows = 1000
	maxQuery     = 10000 // characters
	queryKept    = 7 * 24 * time.Hour
	maxQueries   = 1000 // that are kept of the local cloud
)

// insight is a query of Logs Insights as it is stored: its rows are found when they are
// asked for.
type insight struct {
	ID, Region string
	Groups     []string
	From, To   int64 // seconds
	Limit      int
	Text       string
	Started    time.Time
}

// column is a field of a query's rows.
type column struct{ name, of string }

// pipeline is a query: which events, which of their fields, in which order and how many.
type pipeline struct {
	columns []column
	filters []*regexp.Regexp
	oldest  bool // comes first
	limit   int
}

var (
	columnForm = regexp.MustCompile(`^(?:ltrim\((@\w+)\)\s+as\s+(\w+)|(@\w+))$`)
	filterForm = regexp.MustCompile(`^filter\s+@message\s+like\s+/((?:[^/\\]|\\.)+)/$`)
	sortForm   = regexp.MustCompile(`^sort\s+@timestamp(?:\s+(asc|desc))?$`)
	limitForm  = regexp.MustCompile(`^limit\s+([0-9]+)$`)
)

// eventFields are those of an event.
var eventFields = []string{"@timestamp", "@message", "@logStream", "@log", "@ingestionTime"}

func malformed(command string) error {
	return refuse("MalformedQueryException", "unexpected symbol found in "+strconv.Quote(command)+": "+
		gateway.Simplified("supports only fields @timestamp, @message, @logStream, @log and @ingestionTime; filter @message like /…/; "+
			"sort @timestamp asc or desc; limit N"))
}

// parseQuery reads a query. Commands of fields add up.
func parseQuery(text string) (p pipeline, err error) {
	for _, command := range pipes(text) {
		switch name, rest, _ := strings.Cut(command, " "); name {
		case "fields":
			err = p.takeColumns(rest)
		case "filter":
			m := filterForm.FindStringSubmatch(command)
			if m == nil {
				return p, malformed(command)
			}
			pattern, broken := regexp.Compile(strings.ReplaceAll(m[1], `\/`, `/`))
			if broken != nil {
				return p, malformed(command)
			}
			p.filters = append(p.filters, pattern)
		case "sort":
			m := sortForm.FindStringSubmatch(command)
			if m == nil {
				return p, malformed(command)
			}
			p.oldest = m[1] == "asc"
		case "limit":
			m := limitForm.FindStringSubmatch(command)
			if m == nil {
				return p, malformed(command)
			}
			if p.limit, err = strconv.Atoi(m[1]); err != nil || p.limit < 1 || p.limit > maxRows {
				return p, malformed(command)
			}
		default:
			return p, malformed(command)
		}
		if err != nil {
			return p, err
		}
	}
	if len(p.columns) == 0 {
		p.columns = []column{{"@timestamp", "@timestamp"}, {"@message", "@message"}}
	}
	return p, nil
}

// pipes are the commands of a query: a pipe within a pattern is part of it.
func pipes(text string) (commands []string) {
	var b strings.Builder
	inside := false
	flush := func() {
		if command := strings.TrimSpace(b.String()); command != "" {
			commands = append(commands, command)
		}
		b.Reset()
	}
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '|' && !inside:
			flush()
			continue
		case c == '\\' && inside && i+1 < len(text):
			b.WriteByte(c)
			i++
		case c == '/':
			inside = !inside
		}
		b.WriteByte(text[i])
	}
	flush()
	return commands
}

func (p *pipeline) takeColumns(list string) error {
	for part := range strings.SplitSeq(list, ",") {
		m := columnForm.FindStringSubmatch(strings.TrimSpace(part))
		if m == nil {
			return malformed("fields " + list)
		}
		c := column{cmp.Or(m[2], m[3]), cmp.Or(m[1], m[3])}
		if !slices.Contains(eventFields, c.of) {
			return malformed("fields " + list)
		}
		if !slices.Contains(p.columns, c) {
			p.columns = append(p.columns, c)
		}
	}
	return nil
}

// ofQuery are the resources of a query: each of its groups.
func ofQuery(r *gateway.Request) (all []string) {
	var in queryInput
	// What cannot be read is refused by the operation itself.
	_ = json.Unmarshal(r.Body, &in)
	for _, name := range in.groups() {
		all = append(all, groupARN(r.Region, name)+":log-stream:")
	}
	if len(all) == 0 {
		return anyGroup(r)
	}
	return all
}

type queryInput struct {
	LogGroupName                        string
	LogGroupNames                       []string
	LogGroupIdentifiers                 []string
	StartTime, EndTime                  *int64
	QueryString, QueryID, QueryLanguage string
	Limit                               *int
}

// groups are the names of the groups that the query is about.
func (in queryInput) groups() (names []string) {
	for _, id := range slices.Concat([]string{in.LogGroupName}, in.LogGroupNames, in.LogGroupIdentifiers) {
		if id != "" {
			names = append(names, named{LogGroupIdentifier: id}.groupName())
		}
	}
	return names
}

func (l *Logs) startQuery(w http.ResponseWriter, r *gateway.Request) error {
	var in queryInput
	if err := parse(r, &in); err != nil {
		return err
	}
	q := insight{ID: l.opts.NewID(), Region: r.Region, Groups: in.groups(), Text: in.QueryString, Started: r.Now, Limit: standardRows}
	given := 0
	for _, is := range []bool{in.LogGroupName != "", len(in.LogGroupNames) > 0, len(in.LogGroupIdentifiers) > 0} {
		if is {
			given++
		}
	}
	switch {
	case in.StartTime == nil || in.EndTime == nil || *in.EndTime < *in.StartTime || *in.StartTime < 0:
		return invalid("startTime and endTime are required, in seconds, and startTime must be before endTime")
	case given != 1 || len(q.Groups) > queryGroups:
		return invalid("one of logGroupName, logGroupNames and logGroupIdentifiers is required, with at most %d groups", queryGroups)
	case len(in.QueryString) == 0 || len(in.QueryString) > maxQuery:
		return invalid("queryString must have 1 to %d characters", maxQuery)
	case in.Limit != nil && (*in.Limit < 1 || *in.Limit > maxRows):
		return invalid("limit is 1 to %d", maxRows)
	case in.QueryLanguage != "" && in.QueryLanguage != "CWLI":
		return invalid("%s", gateway.Simplified("supports only the query language CWLI"))
	}
	if in.Limit != nil {
		q.Limit = *in.Limit
	}
	q.From, q.To = *in.StartTime, *in.EndTime
	p, err := parseQuery(q.Text)
	if err != nil {
		return err
	}
	q.Limit = cmp.Or(p.limit, q.Limit)
	if err := l.opts.State.Update(func(tx *state.Tx) error {
		for _, name := range q.Groups {
			if _, err := find(tx, r, name); err != nil {
				return err
			}
		}
		if err := forgetQueries(tx, r.Now.Add(-queryKept)); err != nil {
			return err
		}
		return tx.Put(queryBucket, path(r.Region, q.ID), q)
	}); err != nil {
		return err
	}
	return gateway.WriteJSON(w, http.StatusOK, map[string]any{"queryId": q.ID})
}

// forgetQueries deletes queries that were started before a time, and the oldest so that one
// more has room.
func forgetQueries(tx *state.Tx, before time.Time) error {
	type started struct {
		key string
		at  time.Time
	}
	var all []started
	err := tx.ForEach(queryBucket, func(key string, decode func(any) error) error {
		var q insight
		err := decode(&q)
		all = append(all, started{key, q.Started})
		return err
	})
	slices.SortFunc(all, func(a, b started) int { return a.at.Compare(b.at) })
	for i, q := range all {
		if err == nil && (q.at.Before(before) || len(all)-i >= maxQueries) {
			err = tx.Delete(queryBucket, q.key)
		}
	}
	return err
}

// queryOf loads the query that a request names.
func queryOf(tx *state.Tx, r *gateway.Request) (q insight, err error) {
	var in queryInput
	if err := parse(r, &in); err != nil {
		return q, err
	}
	found, err := tx.Get(queryBucket, path(r.Region, in.QueryID), &q)
	if err == nil && !found {
		err = refuse("ResourceNotFoundException", "The specified query does not exist.")
	}
	return q, err
}

// stopQuery answers that nothing was stopped: queries are over when they are started.
func (l *Logs) stopQuery(_ http.ResponseWriter, r *gateway.Request) error {
	if err := l.opts.State.View(func(tx *state.Tx) error {
		_, err := queryOf(tx, r)
		return err
	}); err != nil {
		return err
	}
	return invalid("Query has already ended")
}

type cell struct {
	Field string `json:"field"`
	Value string `json:"value"`
}

func (l *Logs) getQueryResults(w http.ResponseWriter, r *gateway.Request) error {
	var q insight
	if err := l.opts.State.View(func(tx *state.Tx) (err error) {
		q, err = queryOf(tx, r)
		return err
	}); err != nil {
		return err
	}
	p, err := parseQuery(q.Text)
	if err != nil {
		return err
	}
	scanned, bytes := 0, 0
	type found struct {
		event
		group string
	}
	var events []found
	for _, name := range q.Groups {
		some, err := l.read(r, name, func(e *event) bool {
			if e.Timestamp < q.From*1000 || e.Timestamp > q.To*1000 {
				return false
			}
			scanned++
			bytes += len(e.Message)
			return p.matches(e.Message)
		})
		if err != nil {
			return err
		}
		for _, e := range some {
			events = append(events, found{e, name})
		}
	}
	slices.SortStableFunc(events, func(a, b found) int {
		order := cmp.Or(cmp.Compare(a.Timestamp, b.Timestamp), cmp.Compare(a.Sequence, b.Sequence))
		if p.oldest {
			return order
		}
		return -order
	})
	matched := len(events)
	rows := [][]cell{}
	for _, e := range events[:min(matched, q.Limit)] {
		var row []cell
		for _, c := range p.columns {
			row = append(row, cell{c.name, e.field(c.of, e.group)})
		}
		rows = append(rows, append(row, cell{"@ptr", e.id()}))
	}
	return gateway.WriteJSON(w, http.StatusOK, map[string]any{"status": "Complete", "queryLanguage": "CWLI", "results": rows,
		"statistics": map[string]any{"recordsMatched": float64(matched), "recordsScanned": float64(scanned), "bytesScanned": float64(bytes)}})
}

func (p pipeline) matches(message string) bool {
	return !slices.ContainsFunc(p.filters, func(pattern *regexp.Regexp) bool { return !pattern.MatchString(message) })
}

// field is a field of an event, as Logs Insights writes it.
func (e *event) field(name, group string) string {
	written := func(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02 15:04:05.000") }
	switch name {
	case "@timestamp":
		return written(e.Timestamp)
	case "@ingestionTime":
		return written(e.Ingestion)
	case "@logStream":
		return e.Stream
	case "@log":
		return principal.Account + ":" + group
	}
	return e.Message
}

// CheckQuery reports what the local cloud does not understand of a query of Logs Insights.
func CheckQuery(text string) error {
	_, err := parseQuery(text)
	return err
}
