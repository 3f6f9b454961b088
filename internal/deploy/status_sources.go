package deploy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"github.com/parascope/parascope/internal/connector/result"
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

// lookAtDataSources reads what the setup function's last run came to.
func (s *Status) lookAtDataSources(ctx context.Context, cfg aws.Config, t Target, workspaceID string) error {
	if workspaceID == "" {
		return nil
	}
	var said lastRuns
	l := functionLog{client: cloudwatchlogs.NewFromConfig(cfg), target: t, region: cfg.Region, seen: map[string]bool{}}
	if err := l.read(ctx, t.now().Add(-logAge), said.add); err != nil {
		return err
	}
	s.Rules.LastRun = said.last.Rules
	s.DataSources = append(s.DataSources, said.sources()...)
	switch {
	case said.last.Outcome == result.Failed:
		ago := t.now().Sub(said.last.Finished).Round(time.Second)
		return fmt.Errorf("the setup function failed %s ago: %s; '%s' tries again", ago, said.last.Error, t.Command("connect"))
	case len(s.DataSources) == 0:
		return errors.New("the setup function's log has no data sources; run '" + t.Command("connect") + "'")
	}
	return nil
}

// lastRuns is what the function's log says of its runs. Their zero values are of a
// function that did not run, or of an older one, which logged prose alone.
type lastRuns struct {
	last  result.Run
	found result.Run // the last one that came as far as to data sources
}

// add reads one line; those that are no run's say nothing.
func (s *lastRuns) add(l LogLine) error {
	run, ok := result.ReadLine(l.Text)
	if !ok {
		return nil
	}
	s.last = run
	if len(run.DataSources) > 0 {
		s.found = run
	}
	return nil
}

// sources are the data sources that were found last. A run that failed may have ended
// before it checked the health of them all.
func (s *lastRuns) sources() []DataSource {
	var all []DataSource
	for _, d := range s.found.DataSources {
		source := DataSource{Name: d.Name, Default: d.Default, Health: d.Health}
		if d.Health != "" {
			source.Checked = s.found.Finished
		}
		all = append(all, source)
	}
	return all
}
