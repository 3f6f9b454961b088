// Package awsside has the checks of 'parascope doctor', which asks AWS alone: they follow
// a sample from the workspace that it arrives in to Grafana's data source, and what the
// cluster's own series say of the way before that.
package awsside

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/parascope/parascope/internal/amp"
	"github.com/parascope/parascope/internal/connector/result"
	"github.com/parascope/parascope/internal/deploy"
	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/internal/doctor/preflight"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/people"
)

// Check and Finding are the frame's.
type (
	Check   = doctor.Check[*Env]
	Finding = doctor.Finding
)

// Env is what the checks of a stack are about. Its unexported fields are found by checks,
// and read by those that need them.
type Env struct {
	Config  aws.Config
	Target  deploy.Target
	Cluster string // the only one that is looked at; "": all that send
	User    string // a user who should be able to sign in; "": none is given
	Now     func() time.Time

	preflight preflight.Env
	grafanaID string
	metricsID string // of the workspace
	endpoint  string // of the workspace
	grafana   grafanaFacts
	members   []people.Member
	userFound bool                // User is in Identity Center
	looked    *result.Look        // nil: Grafana was not asked
	wanted    result.SeenSource   // the data source that it should have
	found     *result.SeenSource  // the one that it has; nil: none
	queries   *amp.QueryClient    // nil: there is none
	clusters  map[string]lastSeen // that sent within a day
	current   bool                // the setup function is the one of this program
}

// grafanaFacts are what AWS says of the Grafana workspace.
type grafanaFacts struct{ version, role string }

func newCheck(id, title string, run func(context.Context, *Env) Finding, needs ...string) Check {
	return doctor.NewCheck(id, title, needs, run)
}

// Checks are those of a stack, each after those that it needs.
func Checks() []Check {
	part := func(e *Env) *preflight.Env { return &e.preflight }
	return []Check{
		regionCheck(doctor.Of(preflight.Region(), part)),
		callerCheck(doctor.Of(preflight.Caller(), part)),
		newCheck("stack", "the stack is deployed and stable", checkStack, "caller"),
		// The guide's four cases.
		newCheck("grafana-workspace", "the Grafana workspace is active", checkGrafanaWorkspace, "stack"),
		newCheck("identity", "IAM Identity Center is enabled", checkIdentity, "caller", "stack"),
		newCheck("users", "a user can sign in to Grafana", checkUsers, "grafana-workspace", "identity"),
		newCheck("user", "the given user has a Grafana role", checkUser, "users"),
		newCheck("users-deleted", "no role belongs to a deleted user", checkUsersDeleted, "grafana-workspace", "identity"),
		newCheck("setup-function", "the last run of the setup function succeeded", checkSetupFunction, "stack"),
		newCheck("grafana-answers", "Grafana answers requests", checkGrafanaAnswers, "grafana-workspace", "setup-function"),
		newCheck("data-source", "Grafana has the Prometheus data source", checkDataSource, "grafana-answers"),
		newCheck("prometheus-workspace", "the Prometheus workspace is active", checkPrometheusWorkspace, "stack"),
		newCheck("query", "the workspace answers a query", checkQuery, "prometheus-workspace"),
		newCheck("clusters", "at least one cluster has sent samples", checkClusters, "query"),
		// The others, from the data source to the workspace.
		newCheck("data-source-default", "the Prometheus data source is the default", checkDataSourceDefault, "data-source"),
		newCheck("data-source-type", "the data source's plugin matches Grafana's version", checkDataSourceType, "data-source"),
		newCheck("data-source-auth", "the data source signs with the workspace's role", checkDataSourceAuth, "data-source"),
		newCheck("data-source-place", "the data source has the workspace's URL and region", checkDataSourcePlace, "data-source"),
		newCheck("grafana-permissions", "Grafana's role has permission to query the workspace", checkGrafanaPermissions, "grafana-workspace",
			"prometheus-workspace"),
		newCheck("data-source-health", "Grafana can query the workspace", checkDataSourceHealth, "data-source-type", "data-source-auth",
			"data-source-place", "grafana-permissions", "query"),
		newCheck("alert-manager", "the workspace's alert manager sends alerts", checkAlertManager, "prometheus-workspace"),
		newCheck("alert-subscriptions", "alert recipients have confirmed their subscriptions", checkAlertSubscriptions, "stack", "alert-manager"),
		newCheck("clock", "the clock of this machine is correct", checkClock),
		newCheck("route", "nodes have a route to AMP and S3", checkRoute, "stack"),
	}
}

// regionCheck is the preflight's check, which leaves out what the check of the credentials says.
func regionCheck(c Check) Check {
	run := c.Run
	c.Run = func(ctx context.Context, e *Env) Finding {
		f := run(ctx, e)
		if f.Status == doctor.Skipped {
			f = doctor.Unsure(f.Detail, "see check caller")
		}
		return f
	}
	return c
}

// callerCheck is the preflight's check. Credentials that AWS was not asked about are unknown.
func callerCheck(c Check) Check {
	run := c.Run
	c.Run = func(ctx context.Context, e *Env) Finding {
		f := run(ctx, e)
		if f.Status == doctor.Failed && hint.CodeOf(f.Err) != hint.Denied {
			f = doctor.Unasked(f.Err)
		}
		return f
	}
	return c
}

// WithoutConfiguration are the checks of a stack where there are no credentials, or no AWS
// configuration that can be read: that fails, and nothing else is known.
func WithoutConfiguration(err error) []Check {
	all := Checks()
	for i := range all {
		all[i].Needs = []string{"caller"}
		if all[i].ID == "caller" {
			all[i].Needs, all[i].Run = nil, func(context.Context, *Env) Finding { return doctor.Failure(err) }
		}
	}
	return all
}

// Begin is the environment of a run, before any check.
func Begin(e Env) *Env {
	e.preflight = preflight.Env{Config: e.Config, StackName: e.Target.StackName, Parameters: map[string]string{}}
	return &e
}
