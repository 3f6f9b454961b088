package server

import (
	"bytes"
	"encoding/xml"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/parascope/parascope/localaws/sigv4"
)

// health checks a data source by asking it something.
func (s *Server) health(c *call) error {
	d, err := s.dataSource(c)
	if err != nil {
		return err
	}
	if !c.installed(d) {
		return refuse(http.StatusNotFound, "Plugin not found")
	}
	check := s.prometheusHealth
	if d.Type == cloudWatch {
		check = s.cloudWatchHealth
	}
	message, ok := check(c, d)
	if !ok {
		return c.write(http.StatusBadRequest, map[string]any{"status": "ERROR", "message": message})
	}
	return c.write(http.StatusOK, map[string]any{"status": "OK", "message": message})
}

// prometheusHealth asks what needs no data: 1+1, four seconds into 1970. What the
// server's build is interests Grafana too; that it does not say is no failure.
func (s *Server) prometheusHealth(c *call, d *dataSource) (message string, ok bool) {
	const failed = " - There was an error returned querying the Prometheus API."
	got, err := s.prometheusCall(c, d, "api/v1/query", url.Values{"query": {"1+1"}, "time": {"4"}})
	if err != nil {
		return err.Error() + failed, false
	}
	if got.status != http.StatusOK {
		return got.failure() + failed, false
	}
	if build, err := s.ask(c, d, request{method: http.MethodGet, path: "api/v1/status/buildinfo"}); err != nil ||
		build.status != http.StatusOK {
		s.opts.Logger.Debug("data source does not report its version", "datasource", d.UID, "status", build.status, "err", err)
	}
	return "Successfully queried the Prometheus API.", true
}

// cloudWatchHealth looks for a metric and for a log group.
func (s *Server) cloudWatchHealth(c *call, d *dataSource) (message string, ok bool) {
	metrics, logs := "Successfully queried the CloudWatch metrics API.", "Successfully queried the CloudWatch logs API."
	ok = true
	form := url.Values{"Action": {"ListMetrics"}, "Version": {"2010-08-01"}, "Namespace": {"AWS/Billing"}, "MetricName": {"EstimatedCharges"}}
	if _, err := s.askAWS(c, d, "", monitoring, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
		[]byte(form.Encode())); err != nil {
		metrics, ok = "CloudWatch metrics query failed: "+err.Error(), false
	}
	header := http.Header{"Content-Type": {"application/x-amz-json-1.1"}, "X-Amz-Target": {"Logs_20140328.DescribeLogGroups"}}
	if _, err := s.askAWS(c, d, "", logging, header, []byte(`{"limit":1}`)); err != nil {
		logs, ok = "CloudWatch logs query failed: "+err.Error(), false
	}
	return "1. " + metrics + "\n2. " + logs, ok
}

// askAWS calls a service of the cloud as the workspace's role, in a region: "default" and ""
// are the data source's.
func (s *Server) askAWS(c *call, d *dataSource, region, service string, header http.Header, body []byte) ([]byte, error) {
	// Grafana takes what it does not know for "default".
	if auth := d.setting("authType", "default"); slices.Contains([]string{"keys", "credentials"}, auth) {
		return nil, errors.New("trying to use non-allowed auth method " + auth)
	}
	key, err := s.credentials(c.ws)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(c.ctx(), http.MethodPost, s.opts.CloudURL()+"/", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header = header
	for _, otherwise := range []string{d.setting("defaultRegion", ""), c.ws.Region} {
		if region == "" || region == "default" {
			region = otherwise
		}
	}
	sigv4.Sign(r, body, key, service, region, s.opts.Now())
	got, err := s.send(c, r)
	if err != nil {
		return nil, err
	}
	if got.status == http.StatusOK {
		return got.body, nil
	}
	var fault struct {
		Error struct{ Code, Message string }
	}
	if xml.Unmarshal(got.body, &fault) == nil && fault.Error.Code != "" {
		return nil, errors.New(fault.Error.Code + ": " + fault.Error.Message)
	}
	return nil, errors.New(got.failure())
}
