package connector

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/parascope/parascope/internal/connector/result"
	"github.com/parascope/parascope/internal/grafana"
)

// Names that people's scripts and eyes look for.
const (
	PrometheusName = "Amazon Managed Prometheus"
	prometheusUID  = "amazon-managed-prometheus"
	cloudWatchName = "CloudWatch"
	cloudWatchUID  = "cloudwatch"
)

// Plugins that query Prometheus with SigV4. Grafana 12 gave the task to a plugin
// of its own, which AMG brings along.
const (
	corePlugin    = "prometheus"
	amazonPlugin  = "grafana-amazonprometheus-datasource"
	amazonSince   = 12
	roleOfGrafana = "ec2_iam_role" // what the page calls "Workspace IAM role"
)

// dataSources are what Grafana of this version should have, the default first.
func dataSources(version, endpoint, region string) ([]grafana.DataSource, error) {
	major, _, _ := strings.Cut(version, ".")
	n, err := strconv.Atoi(major)
	if err != nil {
		return nil, fmt.Errorf("could not parse Grafana's version %q: expected a number such as 12.4", version)
	}
	settings := map[string]any{
		"httpMethod": "POST", "timeInterval": "15s",
		"sigV4Auth": true, "sigV4AuthType": roleOfGrafana, "sigV4Region": region,
	}
	plugin := corePlugin
	if n >= amazonSince {
		plugin = amazonPlugin
		settings["sigv4Service"] = "aps"
	}
	// AWS writes the endpoint with and without api/v1; the plugins append it.
	url := strings.TrimRight(strings.TrimSuffix(strings.TrimRight(endpoint, "/"), "/api/v1"), "/")
	return []grafana.DataSource{
		{Name: PrometheusName, UID: prometheusUID, Type: plugin, Access: "proxy", URL: url, IsDefault: true, JSONData: settings},
		{Name: cloudWatchName, UID: cloudWatchUID, Type: "cloudwatch", Access: "proxy", JSONData: map[string]any{
			"authType": roleOfGrafana, "defaultRegion": region,
		}},
	}, nil
}

// ensureDataSource adds the data source or repairs the one that is there: under
// its name, whatever its uid, since dashboards of people refer to that uid; or
// under its uid, whatever name it was given.
func ensureDataSource(ctx context.Context, client *grafana.Client, want grafana.DataSource) (result.DataSource, error) {
	const tries = 5 // two runs at once, and a proxy that loses answers, get in the way at most so often
	var err error
	created := false // perhaps, by a request whose answer was lost
	for range tries {
		var all []grafana.DataSource
		if all, err = client.DataSources(ctx); err != nil {
			return result.DataSource{}, fmt.Errorf("could not list Grafana's data sources: %w", err)
		}
		has, found := find(all, want)
		want := want
		if found {
			want.UID = has.UID
		}
		done := result.DataSource{Name: want.Name, UID: want.UID, Type: want.Type, Default: want.IsDefault, Action: result.Unchanged}
		switch {
		case !found:
			done.Action = result.Created
			err = client.CreateDataSource(ctx, want)
		case !same(has, want):
			done.Action = result.Repaired
			err = client.UpdateDataSource(ctx, has.UID, withSettingsOf(has, want))
		case created:
			done.Action = result.Created
		}
		created = created || !found && grafana.MayBeDone(err)
		if err == nil {
			return done, nil
		}
		if !grafana.MayBeDone(err) && !grafana.IsStatus(err, http.StatusConflict) && !grafana.IsStatus(err, http.StatusNotFound) &&
			!grafana.IsStatus(err, http.StatusPreconditionFailed) {
			break
		}
	}
	return result.DataSource{}, fmt.Errorf("could not set up data source %q: %w", want.Name, err)
}

func find(all []grafana.DataSource, want grafana.DataSource) (grafana.DataSource, bool) {
	for _, by := range []func(grafana.DataSource) bool{
		func(d grafana.DataSource) bool { return d.Name == want.Name },
		func(d grafana.DataSource) bool { return d.UID == want.UID },
	} {
		if i := slices.IndexFunc(all, by); i >= 0 {
			return all[i], true
		}
	}
	return grafana.DataSource{}, false
}

// same reports whether has is as want asks; settings that want says nothing of
// are people's own.
func same(has, want grafana.DataSource) bool {
	for k, v := range want.JSONData {
		if !reflect.DeepEqual(has.JSONData[k], v) {
			return false
		}
	}
	return has.Name == want.Name && has.Type == want.Type && has.Access == want.Access && has.IsDefault == want.IsDefault &&
		strings.TrimRight(has.URL, "/") == want.URL
}

// withSettingsOf keeps the settings of has that want says nothing of.
func withSettingsOf(has, want grafana.DataSource) grafana.DataSource {
	settings := map[string]any{}
	for k, v := range has.JSONData {
		settings[k] = v
	}
	for k, v := range want.JSONData {
		settings[k] = v
	}
	want.JSONData = settings
	return want
}
