package viewer_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"math"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/amp"
	"github.com/aws/aws-sdk-go-v2/service/grafana"
	"github.com/aws/aws-sdk-go-v2/service/grafana/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/identitystore"
	"github.com/aws/aws-sdk-go-v2/service/ssoadmin"
	"github.com/golang/snappy"
	"github.com/prometheus/prometheus/prompb"

	"github.com/parascope/parascope/localaws"
	"github.com/parascope/parascope/localaws/localtest"
	"github.com/parascope/parascope/localaws/localtest/check"
	"github.com/parascope/parascope/localaws/viewer"
)

// cloud is a local cloud with a Grafana workspace over an hour of metrics: alice
// may look, bob may edit, carol was not added.
type cloud struct {
	t         *testing.T
	cfg       aws.Config
	workspace string
	url       string // of the workspace's Grafana
	token     string // of an admin
	endpoint  string // of the AMP workspace
	people    map[string]string
}

func startCloud(t *testing.T) *cloud {
	t.Helper()
	c := &cloud{t: t, cfg: localtest.Start(t, localaws.Options{Grafana: localaws.Grafana{Hints: hints()}}).Operator(),
		people: map[string]string{}}
	c.cfg.RetryMaxAttempts = 1
	c.makeWorkspace()
	c.readPeople()
	c.permit(types.UpdateActionAdd, types.RoleViewer, "alice")
	c.permit(types.UpdateActionAdd, types.RoleEditor, "bob")
	c.makeDataSource()
	return c
}

func hints() viewer.Hints {
	return viewer.Hints{AddUser: func(email string) string { return "grant " + email }, AddSource: "Type: add sources"}
}

const workspaceRole = "workspace-role"

func (c *cloud) makeWorkspace() {
	c.t.Helper()
	roles, service := iam.NewFromConfig(c.cfg), grafana.NewFromConfig(c.cfg)
	role := check.Must[*iam.CreateRoleOutput](c.t)(roles.CreateRole(c.t.Context(), &iam.CreateRoleInput{
		RoleName: aws.String(workspaceRole),
		AssumeRolePolicyDocument: aws.String(
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"grafana.amazonaws.com"},"Action":"sts:AssumeRole"}]}`),
	}))
	check.Must[*iam.PutRolePolicyOutput](c.t)(roles.PutRolePolicy(c.t.Context(), &iam.PutRolePolicyInput{
		RoleName: aws.String(workspaceRole), PolicyName: aws.String("query"),
		PolicyDocument: aws.String(
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["aps:QueryMetrics","aps:GetLabels","aps:GetSeries","aps:GetMetricMetadata"],"Resource":"*"}]}`),
	}))
	made := check.Must[*grafana.CreateWorkspaceOutput](c.t)(service.CreateWorkspace(c.t.Context(), &grafana.CreateWorkspaceInput{
		AccountAccessType:       types.AccountAccessTypeCurrentAccount,
		AuthenticationProviders: []types.AuthenticationProviderTypes{types.AuthenticationProviderTypesAwsSso},
		PermissionType:          types.PermissionTypeCustomerManaged, WorkspaceRoleArn: role.Role.Arn, WorkspaceName: aws.String("metrics"),
	}))
	c.workspace, c.url = *made.Workspace.Id, "http://"+*made.Workspace.Endpoint
	account := check.Must[*grafana.CreateWorkspaceServiceAccountOutput](c.t)(service.CreateWorkspaceServiceAccount(c.t.Context(),
		&grafana.CreateWorkspaceServiceAccountInput{
			WorkspaceId: &c.workspace, Name: aws.String("setup"), GrafanaRole: types.RoleAdmin}))
	token := check.Must[*grafana.CreateWorkspaceServiceAccountTokenOutput](c.t)(service.CreateWorkspaceServiceAccountToken(c.t.Context(),
		&grafana.CreateWorkspaceServiceAccountTokenInput{
			WorkspaceId: &c.workspace, ServiceAccountId: account.Id, Name: aws.String("setup"), SecondsToLive: aws.Int32(600)}))
	c.token = *token.ServiceAccountToken.Key
}

func (c *cloud) readPeople() {
	c.t.Helper()
	instances := check.Must[*ssoadmin.ListInstancesOutput](c.t)(ssoadmin.NewFromConfig(c.cfg).ListInstances(c.t.Context(),
		&ssoadmin.ListInstancesInput{}))
	users := check.Must[*identitystore.ListUsersOutput](c.t)(identitystore.NewFromConfig(c.cfg).ListUsers(c.t.Context(),
		&identitystore.ListUsersInput{IdentityStoreId: instances.Instances[0].IdentityStoreId}))
	for _, u := range users.Users {
		c.people[*u.UserName] = *u.UserId
	}
}

func (c *cloud) permit(action types.UpdateAction, role types.Role, name string) {
	c.t.Helper()
	out := check.Must[*grafana.UpdatePermissionsOutput](c.t)(grafana.NewFromConfig(c.cfg).UpdatePermissions(c.t.Context(),
		&grafana.UpdatePermissionsInput{
			WorkspaceId: &c.workspace, UpdateInstructionBatch: []types.UpdateInstruction{{Action: action, Role: role,
				Users: []types.User{{Id: aws.String(c.people[name]), Type: types.UserTypeSsoUser}}}}}))
	if len(out.Errors) > 0 {
		c.t.Fatal(*out.Errors[0].Message)
	}
}

func (c *cloud) makeDataSource() {
	c.t.Helper()
	service := amp.NewFromConfig(c.cfg)
	made := check.Must[*amp.CreateWorkspaceOutput](c.t)(service.CreateWorkspace(c.t.Context(), &amp.CreateWorkspaceInput{}))
	described := check.Must[*amp.DescribeWorkspaceOutput](c.t)(service.DescribeWorkspace(c.t.Context(),
		&amp.DescribeWorkspaceInput{WorkspaceId: made.WorkspaceId}))
	c.endpoint = *described.Workspace.PrometheusEndpoint
	c.send()
	c.admin(http.MethodPost, "/api/datasources", map[string]any{
		"name": "Amazon Managed Prometheus", "uid": "amp", "type": "grafana-amazonprometheus-datasource", "access": "proxy", "url": c.endpoint,
		"isDefault": true,
		"jsonData":  map[string]any{"sigV4Auth": true, "sigV4AuthType": "ec2_iam_role", "sigV4Region": c.cfg.Region, "httpMethod": "POST"},
	})
	c.admin(http.MethodPost, "/api/folders", map[string]any{"uid": "tests", "title": "Examples"})
	for name, folder := range map[string]string{"testdata/overview.json": "", "testdata/kinds.json": "tests"} {
		c.store(name, folder)
	}
}

// store puts a file's dashboard into the folder.
func (c *cloud) store(file, folder string) {
	c.t.Helper()
	raw := check.Must[[]byte](c.t)(os.ReadFile(file))
	raw = bytes.ReplaceAll(raw, []byte("prometheus-of-the-workspace"), []byte("amp"))
	c.admin(http.MethodPost, "/api/dashboards/db", map[string]any{"dashboard": json.RawMessage(raw), "overwrite": true, "folderUid": folder})
}

// admin asks Grafana's API with the token.
func (c *cloud) admin(method, path string, body any) []byte {
	c.t.Helper()
	raw := check.Must[[]byte](c.t)(json.Marshal(body))
	r := check.Must[*http.Request](c.t)(http.NewRequestWithContext(c.t.Context(), method, c.url+path, bytes.NewReader(raw)))
	r.Header.Set("Authorization", "Bearer "+c.token)
	resp := check.Must[*http.Response](c.t)(http.DefaultClient.Do(r))
	defer resp.Body.Close()
	answer := check.Must[[]byte](c.t)(io.ReadAll(resp.Body))
	if resp.StatusCode != http.StatusOK {
		c.t.Fatalf("%s %s: %d %s", method, path, resp.StatusCode, answer)
	}
	return answer
}

// send writes the metrics of three nodes over the last hour.
func (c *cloud) send() {
	const step = 15 * time.Second
	end := time.Now().Truncate(step)
	c.write(nodes(end.Add(-55*time.Minute), end, step))
}

// write sends series to the AMP workspace.
func (c *cloud) write(all []prompb.TimeSeries) {
	c.t.Helper()
	raw := check.Must[[]byte](c.t)((&prompb.WriteRequest{Timeseries: all}).Marshal())
	body := snappy.Encode(nil, raw)
	r := check.Must[*http.Request](c.t)(http.NewRequestWithContext(c.t.Context(), http.MethodPost, c.endpoint+"api/v1/remote_write",
		bytes.NewReader(body)))
	for name, value := range map[string]string{"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf",
		"X-Prometheus-Remote-Write-Version": "0.1.0"} {
		r.Header.Set(name, value)
	}
	hash := sha256.Sum256(body)
	keys := check.Must[aws.Credentials](c.t)(c.cfg.Credentials.Retrieve(c.t.Context()))
	if err := v4.NewSigner().SignHTTP(c.t.Context(), keys, r, hex.EncodeToString(hash[:]), "aps", c.cfg.Region, time.Now()); err != nil {
		c.t.Fatal(err)
	}
	resp := check.Must[*http.Response](c.t)(http.DefaultClient.Do(r))
	defer resp.Body.Close()
	if answer := check.Must[[]byte](c.t)(io.ReadAll(resp.Body)); resp.StatusCode/100 != 2 {
		c.t.Fatalf("write: %d %s", resp.StatusCode, answer)
	}
}

// nodes are the series of a small cluster whose load comes and goes in waves.
func nodes(from, to time.Time, step time.Duration) []prompb.TimeSeries {
	var all []prompb.TimeSeries
	for i, name := range []string{"head", "compute-1", "compute-2"} {
		busy := func(at time.Time) float64 {
			m := at.Sub(from).Minutes()
			return 0.45 + 0.3*math.Sin(m/7+float64(i)*1.7) + 0.08*math.Sin(m*1.9+float64(i))
		}
		add := func(metric, labels string, value func(at time.Time, sum float64) float64) {
			ts := prompb.TimeSeries{Labels: []prompb.Label{{Name: "__name__", Value: metric}, {Name: "cluster", Value: "demo"}}}
			for pair := range strings.SplitSeq(labels+",instance="+name, ",") {
				if k, v, ok := strings.Cut(pair, "="); ok {
					ts.Labels = append(ts.Labels, prompb.Label{Name: k, Value: v})
				}
			}
			slices.SortFunc(ts.Labels, func(a, b prompb.Label) int { return strings.Compare(a.Name, b.Name) })
			sum := 0.0
			for at := from; !at.After(to); at = at.Add(step) {
				sum += busy(at) * step.Seconds()
				ts.Samples = append(ts.Samples, prompb.Sample{Timestamp: at.UnixMilli(), Value: value(at, sum)})
			}
			all = append(all, ts)
		}
		constant := func(v float64) func(time.Time, float64) float64 { return func(time.Time, float64) float64 { return v } }
		add("up", "job=node", constant(1))
		add("node_uname_info", "job=node,nodename="+name, constant(1))
		add("node_load1", "job=node", func(at time.Time, _ float64) float64 { return 4 * busy(at) })
		for _, cpu := range []string{"0", "1"} {
			add("node_cpu_seconds_total", "job=node,mode=user,cpu="+cpu, func(_ time.Time, sum float64) float64 { return 1e5 + sum })
			add("node_cpu_seconds_total", "job=node,mode=idle,cpu="+cpu, func(at time.Time, sum float64) float64 {
				return 1e6 + at.Sub(from).Seconds() + step.Seconds() - sum
			})
		}
		add("node_memory_MemTotal_bytes", "job=node", constant(64<<30))
		add("node_memory_MemAvailable_bytes", "job=node", func(at time.Time, _ float64) float64 { return (1 - 0.8*busy(at)) * (64 << 30) })
		add("node_filesystem_size_bytes", "job=node,fstype=xfs,mountpoint=/", constant(200e9))
		add("node_filesystem_avail_bytes", "job=node,fstype=xfs,mountpoint=/", func(at time.Time, _ float64) float64 {
			return 90e9 - 1e6*at.Sub(from).Seconds()*float64(i+1)
		})
		add("node_network_receive_bytes_total", "job=node,device=eth0", func(_ time.Time, sum float64) float64 { return 9e6 * sum })
		add("node_network_transmit_bytes_total", "job=node,device=eth0", func(_ time.Time, sum float64) float64 { return 4e6 * sum })
		add("node_disk_io_time_seconds_total", "job=node,device=nvme0n1", func(_ time.Time, sum float64) float64 { return 0.3 * sum })
	}
	return all
}
