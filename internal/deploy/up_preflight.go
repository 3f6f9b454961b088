package deploy

import (
	"context"
	"strings"

	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/internal/doctor/preflight"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/stack"
)

// preflight finds out early what would otherwise fail in the middle.
func (u *up) preflight(ctx context.Context) (string, error) {
	var came []string
	warn := func(text string) { u.report(Event{Kind: Warning, Step: "preflight", Text: text}) }
	env := &preflight.Env{
		Config: u.cfg, StackName: u.o.StackName, Parameters: u.o.Parameters, Bucket: u.o.Package.Bucket,
		Architecture: u.o.Package.Architecture, People: u.o.People,
	}
	err := preflight.Run(ctx, env, func(found doctor.Result) error {
		for _, text := range found.Warnings {
			warn(text)
		}
		if found.Status == doctor.Failed {
			if found.ID != preflight.Rights {
				return found.Err
			}
			warn(found.Detail)
			if err := u.confirmRights(found.Next); err != nil {
				return err
			}
		}
		if ctx.Err() != nil { // what is unknown then is not AWS's doing
			return ctx.Err()
		}
		if found.Status == doctor.Unknown {
			warn(found.Detail + "; " + found.Next)
		}
		if found.Summary != "" {
			came = append(came, found.Summary)
		}
		return nil
	})
	u.state, u.account = env.State, env.Account
	return strings.Join(came, ", "), err
}

// confirmRights asks whether to go on without a permission that is needed.
func (u *up) confirmRights(next string) error {
	if u.o.Confirm == nil {
		return nil
	}
	yes, err := u.o.Confirm("Some required permissions are missing; the deployment may fail partway. Continue?")
	if err == nil && !yes {
		err = &hint.Declined{What: "nothing was changed", Next: next + "; '" + u.o.Again("up") + " --yes' continues without them"}
	}
	return err
}

// effective are the parameters that the stack will have.
func (u *up) effective() map[string]string { return u.state.With(u.o.Parameters) }

// withGrafana reports whether the stack will have a Grafana workspace.
func (u *up) withGrafana() bool { return stack.MonitoringOf(u.effective()).HasGrafana() }
