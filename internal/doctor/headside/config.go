package headside

import (
	"cmp"
	"context"
	"fmt"

	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/internal/head"
	"github.com/parascope/parascope/internal/headnode"
	"github.com/parascope/parascope/internal/hint"
)

func (e *Env) configFile() string { return cmp.Or(e.ConfigFile, e.path(headnode.ConfigFile)) }

// checkConfig reads the configuration as the head does.
func checkConfig(ctx context.Context, e *Env) Finding {
	s, err := head.Check(ctx, e.configFile(), true)
	if err != nil {
		return doctor.Fault(err.Error(), cmp.Or(hint.Next(err), "'sudo parascope-head setup' writes the configuration"))
	}
	return doctor.Good(fmt.Sprintf("%d scrape jobs", s.Jobs)).Keeping(func() { e.checked, e.writes = true, s.Writes })
}

// checkRemoteWrite looks at where samples are sent.
func checkRemoteWrite(ctx context.Context, e *Env) Finding {
	if !e.checked {
		return doctor.Unsure("the configuration was not read", "")
	}
	s, err := head.Check(ctx, e.configFile(), true)
	if err != nil {
		return doctor.Unasked(err)
	}
	for _, p := range s.Problems {
		if p.Fatal {
			return doctor.Fault(p.Text, "in "+e.configFile()+": "+p.Next)
		}
	}
	return doctor.Good(fmt.Sprintf("%d remote writes", len(e.writes)))
}
