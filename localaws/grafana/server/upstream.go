package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/parascope/parascope/localaws/bounded"
	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/sigv4"
)

// Types of data sources that work here.
const (
	prometheus       = "prometheus"
	amazonPrometheus = "grafana-amazonprometheus-datasource"
	cloudWatch       = "cloudwatch"
)

// pluginVersion is the first version that has Amazon's plugin for Prometheus, and
// whose own type no longer signs.
const pluginVersion = "12"

// allowedAuth are the ways to AWS credentials that a managed workspace allows;
// both are its role.
var allowedAuth = []string{"default", "ec2_iam_role"}

// maxAnswer bounds what is read of a data source's answer, and of all answers to the
// queries of one request.
const maxAnswer = 32 << 20

// errNoRoom is the error for an answer that comes while those of other requests take all
// the memory that there is for them.
var errNoRoom = errors.New(gateway.Simplified("has reached its limit of memory for the responses of data sources; try again"))

// counted reads an answer, whose bytes are counted until the call has ended.
type counted struct {
	io.Reader
	room *bounded.Room
	c    *call
}

// Read reads as long as there is room.
func (r counted) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if !r.room.Take(int64(n)) {
		return 0, errNoRoom
	}
	r.c.held += int64(n)
	return n, err
}

// installed reports whether the workspace has the data source's plugin.
func (c *call) installed(d *dataSource) bool {
	return d.Type == prometheus || d.Type == cloudWatch || d.Type == amazonPrometheus && c.atLeast(pluginVersion)
}

func (d *dataSource) isPrometheus() bool { return d.Type == prometheus || d.Type == amazonPrometheus }

// setting is a text in the data source's jsonData, or otherwise when it has none.
func (d *dataSource) setting(name, otherwise string) string {
	if s := text(d.JSONData, name); s != "" {
		return s
	}
	return otherwise
}

// request is one to a data source's URL.
type request struct {
	method, path, query string // path is below the URL's, unescaped
	body                []byte
	header              http.Header
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// ask sends a request to a Prometheus data source, signed if its settings say so.
func (s *Server) ask(c *call, d *dataSource, in request) (answer, error) {
	target, err := url.Parse(d.URL)
	if err != nil || target.Host == "" {
		return answer{}, errors.New("the data source has no valid URL")
	}
	target = target.JoinPath(in.path)
	target.RawQuery = in.query
	r, err := http.NewRequestWithContext(c.ctx(), in.method, target.String(), bytes.NewReader(in.body))
	if err != nil {
		return answer{}, err
	}
	if in.header != nil {
		r.Header = in.header
	}
	if err := s.sign(c, d, r, in.body); err != nil {
		return answer{}, err
	}
	return s.send(c, r)
}

// sign signs as the data source's settings say. The core type does so up to
// version 10 only.
func (s *Server) sign(c *call, d *dataSource, r *http.Request, body []byte) error {
	wanted, _ := d.JSONData["sigV4Auth"].(bool) // absent is no
	if !wanted || d.Type == prometheus && c.atLeast(pluginVersion) {
		return nil
	}
	if auth := d.setting("sigV4AuthType", "default"); !slices.Contains(allowedAuth, auth) {
		return fmt.Errorf("trying to use non-allowed auth method %s", auth)
	}
	if role := d.setting("sigV4AssumeRoleArn", ""); role != "" {
		return fmt.Errorf("the local Grafana cannot assume the data source's role %s", role)
	}
	key, err := s.credentials(c.ws)
	if err != nil {
		return fmt.Errorf("failed to retrieve credentials: %w", err)
	}
	sigv4.Sign(r, body, key, d.setting("sigv4Service", "aps"), d.setting("sigV4Region", c.ws.Region), s.opts.Now())
	return nil
}

func (s *Server) send(c *call, r *http.Request) (answer, error) {
	resp, err := s.client.Do(r)
	if err != nil {
		return answer{}, err // a *url.Error, which names method and address, as Grafana's does
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(counted{resp.Body, s.answers, c}, maxAnswer+1))
	if err != nil {
		return answer{}, err
	}
	if len(body) > maxAnswer {
		return answer{}, fmt.Errorf("the response of the data source has more than %d bytes", maxAnswer)
	}
	return answer{resp.StatusCode, resp.Header, body}, nil
}

// failure is why an answer is none, in the words of whoever refused it.
func (a answer) failure() string {
	var said struct {
		ErrorType, Error, Message string
		Type                      string `json:"__type"`
	}
	status := fmt.Sprintf("%d %s", a.status, http.StatusText(a.status))
	if err := json.Unmarshal(a.body, &said); err != nil {
		return status
	}
	switch {
	case said.ErrorType != "":
		return said.ErrorType + ": " + said.Error
	case said.Type != "":
		return said.Type + ": " + said.Message
	case said.Message != "":
		return status + ": " + said.Message
	}
	return status
}

// passed are the headers of a request that go on to a data source, and of its
// answer that come back. Cookies and tokens are Grafana's own.
var passed = []string{"Accept", "Content-Type"}

// leaves reports whether a path, with or without its escapes, goes up from where it is:
// who asks Grafana must not get to what is beside the data source with Grafana's rights.
func leaves(path string) bool {
	plain, err := url.PathUnescape(path)
	up := func(p string) bool { return slices.Contains(strings.Split(strings.ReplaceAll(p, `\`, "/"), "/"), "..") }
	return err != nil || up(path) || up(plain)
}

// proxy hands a request on to a Prometheus data source, below its URL.
func (s *Server) proxy(c *call) error {
	d, err := s.dataSource(c)
	if err != nil {
		return err
	}
	if !c.installed(d) {
		return refuse(http.StatusNotFound, "Plugin not found")
	}
	if d.Type == cloudWatch && c.Method == http.MethodGet && c.PathValue("path") == "log-groups" {
		return s.logGroups(c, d)
	}
	if !d.isPrometheus() {
		return refuse(http.StatusNotImplemented,
			gateway.Simplified("does not forward requests to data sources of type "+d.Type))
	}
	if leaves(c.PathValue("path")) {
		return refuse(http.StatusBadRequest, "the path is malformed or contains \"..\"")
	}
	body, err := c.body()
	if err != nil {
		return err
	}
	in := request{method: c.Method, path: c.PathValue("path"), query: c.URL.RawQuery, body: body, header: http.Header{}}
	for _, name := range passed {
		if v := c.Header.Get(name); v != "" {
			in.header.Set(name, v)
		}
	}
	out, err := s.ask(c, d, in)
	if err != nil {
		return refuse(http.StatusBadGateway, err.Error())
	}
	for _, name := range passed {
		if v := out.header.Get(name); v != "" {
			c.rw.Header().Set(name, v)
		}
	}
	c.rw.WriteHeader(out.status)
	c.rw.Write(out.body) // an error means that the client is gone
	return nil
}

// prometheusCall asks a path of Prometheus' API with a form.
func (s *Server) prometheusCall(c *call, d *dataSource, path string, form url.Values) (answer, error) {
	if strings.EqualFold(d.setting("httpMethod", http.MethodPost), http.MethodGet) {
		return s.ask(c, d, request{method: http.MethodGet, path: path, query: form.Encode()})
	}
	return s.ask(c, d, request{method: http.MethodPost, path: path, body: []byte(form.Encode()),
		header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}})
}
