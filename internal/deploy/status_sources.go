package deploy

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
)

// DataSource is one of Grafana's, as the setup function found it when it ran last:
// Grafana shows its data sources to those who are signed in only, and whoever asks for
// a stack's status signs in nowhere.
type DataSource struct {
	Name    string    `json:"name"`
	Default bool      `json:"default"`
	Health  string    `json:"health"` // Grafana's own words
	Checked time.Time `json:"checked"`
}

// logAge bounds how old a word of the setup function's may be: the template keeps its
// log for 30 days where nobody says otherwise.
const logAge = 30 * 24 * time.Hour

// lookAtDataSources reads what the setup function said last.
func (s *Status) lookAtDataSources(ctx context.Context, cfg aws.Config, t Target, workspaceID string) error {
	if workspaceID == "" {
		return nil
	}
	said := sourcesSaid{}
	l := functionLog{client: cloudwatchlogs.NewFromConfig(cfg), target: t, region: cfg.Region, seen: map[string]bool{}}
	if err := l.read(ctx, t.now().Add(-logAge), said.add); err != nil {
		return err
	}
	s.DataSources = append(s.DataSources, said.sources...)
	switch {
	case said.failed != "":
		return fmt.Errorf("the setup function failed %s ago: %s; '%s' tries again", t.now().Sub(said.at).Round(time.Second), said.failed, t.Command("connect"))
	case len(said.sources) == 0:
		return fmt.Errorf("the setup function's log says nothing of them; '%s' looks", t.Command("connect"))
	}
	return nil
}

// sourcesSaid is what the function's log says of data sources.
type sourcesSaid struct {
	sources []DataSource
	failed  string // why the last run failed; "" where it did not
	at      time.Time
}

// add reads one line; the others, Lambda's own for example, say nothing.
func (s *sourcesSaid) add(l LogLine) error {
	said := logfmt(l.Text)
	i := slices.IndexFunc(s.sources, func(d DataSource) bool { return d.Name == said["name"] })
	switch said["msg"] {
	case "data source": // each run begins with these
		s.failed = ""
		if i < 0 {
			s.sources = append(s.sources, DataSource{Name: said["name"]})
			i = len(s.sources) - 1
		}
		s.sources[i].Default = said["default"] == "true"
	case "health":
		if i >= 0 {
			s.sources[i].Health, s.sources[i].Checked = said["status"]+": "+said["message"], l.Time
		}
	case "not connected":
		s.failed, s.at = said["err"], l.Time
	}
	return nil
}

// logfmt reads the pairs of a line that slog's text handler wrote.
func logfmt(line string) map[string]string {
	pairs := map[string]string{}
	for line != "" {
		key, rest, found := strings.Cut(line, "=")
		if !found {
			return pairs
		}
		value, after, _ := strings.Cut(rest, " ")
		if q, err := strconv.QuotedPrefix(rest); err == nil {
			if value, err = strconv.Unquote(q); err != nil {
				return pairs
			}
			after = strings.TrimPrefix(rest[len(q):], " ")
		}
		pairs[key], line = value, after
	}
	return pairs
}
