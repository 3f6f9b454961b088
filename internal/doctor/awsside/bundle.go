package awsside

import (
	"context"
	"encoding/json"
	"time"

	"github.com/parascope/parascope/internal/deploy"
	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/internal/doctor/bundle"
)

// logsOf is how far back the setup function's log is collected.
const logsOf = 24 * time.Hour

// Bundle collects what support asks for first. What cannot be had is in its file's Err.
func (e *Env) Bundle(ctx context.Context, d doctor.Document) []bundle.File {
	file := func(name, about string, v any, err error) bundle.File {
		text, encodeErr := json.MarshalIndent(v, "", "  ")
		if err == nil {
			err = encodeErr
		}
		return bundle.File{Name: name, About: about, Text: string(text), Err: err}
	}
	status, err := deploy.Look(ctx, e.Config, e.Target)
	var log bundle.Tail
	logErr := deploy.Logs(ctx, e.Config, e.Target, e.Now().Add(-logsOf), false, func(l deploy.LogLine) error {
		log.Add(l.Time.UTC().Format(time.RFC3339) + " " + l.Text)
		return nil
	})
	return []bundle.File{
		file("doctor.json", "the results of all checks", d, nil),
		file("status.json", "the stack, its workspaces, users' names and roles, and clusters, as 'parascope status --json'", status, err),
		file("grafana.json", "Grafana's data sources, without their secrets", e.looked, nil),
		{Name: "setup-function.log", About: "the setup function's log of the last 24 hours", Text: log.String(), Err: logErr},
	}
}
