package iam_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/amp"
	amptypes "github.com/aws/aws-sdk-go-v2/service/amp/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	amg "github.com/aws/aws-sdk-go-v2/service/grafana"
	amgtypes "github.com/aws/aws-sdk-go-v2/service/grafana/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/golang/snappy"
	"github.com/prometheus/prometheus/prompb"

	"github.com/parascope/parascope/internal/alerts/namespace"
	"github.com/parascope/parascope/internal/cluster/staging"
	"github.com/parascope/parascope/internal/deploy"
	"github.com/parascope/parascope/internal/grafana"
)

const writerRole = "head-of-a-cluster"

// users use a stack as those do whom its policies are for: the head node of a
// cluster, Grafana, and the setup function.
type users struct {
	cloud    *cloud
	operator aws.Config
	writer   aws.Credentials // of a role that has the policy for head nodes
	outputs  map[string]string
	token    string // of a service account in Grafana
}

// exercise fails when a permission that it is for is missing.
type exercise func(context.Context) error

// exercises says what shows that a statement is needed: "RESOURCE SID".
func (u *users) exercises() map[string]exercise {
	return map[string]exercise{
		"RemoteWritePolicy SendMetrics":        u.sendMetrics,
		"NodePolicy FetchWhatNodesInstall":     u.fetchInstallScript,
		"QueryPolicy QueryMetrics":             u.queryMetrics,
		"QueryPolicy BrowseMetrics":            u.browseMetrics,
		"GrafanaRole GrafanaOfThisAccount":     u.queryMetrics,
		"GrafanaRole ReadMetrics":              u.checkCloudWatch,
		"GrafanaRole ListLogGroups":            u.checkCloudWatch,
		"SetupFunctionRole Lambda":             u.connect,
		"SetupFunctionRole WriteLog":           u.connectAndLog,
		"SetupFunctionRole FindPrometheus":     u.connect,
		"SetupFunctionRole FindRules":          u.writeRules,
		"SetupFunctionRole WriteRules":         u.writeRules,
		"SetupFunctionRole FindGrafana":        u.connect,
		"SetupFunctionRole SignInForAMoment":   u.connect,
		"SetupFunctionRole LeaveNothingBehind": u.connect,
	}
}

func newUsers(t *testing.T, c *cloud, outputs map[string]string) *users {
	t.Helper()
	ctx := t.Context()
	u := &users{cloud: c, operator: c.Operator(), outputs: outputs}
	roles := iam.NewFromConfig(u.operator)
	role, err := roles.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String(writerRole), AssumeRolePolicyDocument: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}`)})
	if err != nil {
		t.Fatal(err)
	}
	for _, output := range policiesForNodes {
		if _, err := roles.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: aws.String(writerRole),
			PolicyArn: aws.String(outputs[output])}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := (staging.Stage{Stack: stackName, Version: "v0"}).Put(ctx, u.operator); err != nil {
		t.Fatal(err)
	}
	session, err := sts.NewFromConfig(u.operator).AssumeRole(ctx,
		&sts.AssumeRoleInput{RoleArn: role.Role.Arn, RoleSessionName: aws.String("head")})
	if err != nil {
		t.Fatal(err)
	}
	u.writer = aws.Credentials{AccessKeyID: *session.Credentials.AccessKeyId, SecretAccessKey: *session.Credentials.SecretAccessKey,
		SessionToken: *session.Credentials.SessionToken}

	workspace, accounts := outputs["ManagedGrafanaWorkspaceId"], amg.NewFromConfig(u.operator)
	account, err := accounts.CreateWorkspaceServiceAccount(ctx, &amg.CreateWorkspaceServiceAccountInput{WorkspaceId: &workspace,
		Name: aws.String("viewer"), GrafanaRole: amgtypes.RoleViewer})
	if err != nil {
		t.Fatal(err)
	}
	token, err := accounts.CreateWorkspaceServiceAccountToken(ctx, &amg.CreateWorkspaceServiceAccountTokenInput{
		WorkspaceId: &workspace, ServiceAccountId: account.Id, Name: aws.String("viewer"), SecondsToLive: aws.Int32(3600)})
	if err != nil {
		t.Fatal(err)
	}
	u.token = *token.ServiceAccountToken.Key
	return u
}

// policiesForNodes are outputs with the policies that a head node has.
var policiesForNodes = [...]string{"AMPRemoteWritePolicyArn", "ClusterNodePolicyArn"}

// leave gives the policies for head nodes back: IAM deletes none that is in use.
func (u *users) leave(ctx context.Context) error {
	for _, output := range policiesForNodes {
		if _, err := iam.NewFromConfig(u.operator).DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: aws.String(writerRole),
			PolicyArn: aws.String(u.outputs[output])}); err != nil {
			return err
		}
	}
	return nil
}

// fetchInstallScript does what every node of a cluster does when it boots.
func (u *users) fetchInstallScript(ctx context.Context) error {
	node := u.operator.Copy()
	node.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return u.writer, nil })
	bucket, key, _ := strings.Cut(strings.TrimPrefix(u.outputs["ClusterInstallScript"], "s3://"), "/")
	out, err := s3.NewFromConfig(node).GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return err
	}
	return out.Body.Close()
}

// sendMetrics does what the head node does.
func (u *users) sendMetrics(ctx context.Context) error {
	now := time.Now()
	raw, err := (&prompb.WriteRequest{Timeseries: []prompb.TimeSeries{{
		Labels: []prompb.Label{{Name: "__name__", Value: "up"}}, Samples: []prompb.Sample{{Value: 1, Timestamp: now.UnixMilli()}},
	}}}).Marshal()
	if err != nil {
		return err
	}
	body := snappy.Encode(nil, raw)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, u.outputs["AMPPrometheusEndpoint"]+"api/v1/remote_write", bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header = http.Header{"Content-Type": {"application/x-protobuf"}, "Content-Encoding": {"snappy"},
		"X-Prometheus-Remote-Write-Version": {"0.1.0"}}
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(ctx, u.writer, r, hex.EncodeToString(sum[:]), "aps", u.operator.Region, now); err != nil {
		return err
	}
	return send(r)
}

// queryMetrics does what panels and the data source's health check do.
func (u *users) queryMetrics(ctx context.Context) error {
	if err := u.checkHealth(ctx, "amazon-managed-prometheus"); err != nil {
		return err
	}
	return u.askGrafana(ctx, http.MethodPost, "/api/ds/query",
		`{"queries":[{"refId":"A","expr":"up","instant":true,"datasource":{"uid":"amazon-managed-prometheus"}}],"from":"now-5m","to":"now"}`)
}

// browseMetrics does what variables and completion do.
func (u *users) browseMetrics(ctx context.Context) error {
	for _, path := range []string{"labels", "label/job/values", "series?match[]=up", "metadata"} {
		if err := u.askGrafana(ctx, http.MethodGet, "/api/datasources/uid/amazon-managed-prometheus/resources/api/v1/"+path, ""); err != nil {
			return err
		}
	}
	return nil
}

// checkCloudWatch looks for a metric and for a log group.
func (u *users) checkCloudWatch(ctx context.Context) error { return u.checkHealth(ctx, "cloudwatch") }

func (u *users) checkHealth(ctx context.Context, uid string) error {
	health, err := grafana.New(u.outputs["ManagedGrafanaWorkspaceEndpoint"], u.token).CheckHealth(ctx, uid)
	if err == nil && health.Status != "OK" {
		return fmt.Errorf("data source %s is %s: %s", uid, health.Status, health.Message)
	}
	return err
}

func (u *users) askGrafana(ctx context.Context, method, path, body string) error {
	r, err := http.NewRequestWithContext(ctx, method, grafana.BaseURL(u.outputs["ManagedGrafanaWorkspaceEndpoint"])+path,
		bytes.NewReader([]byte(body)))
	if err != nil {
		return err
	}
	r.Header = http.Header{"Authorization": {"Bearer " + u.token}, "Content-Type": {"application/json"}}
	return send(r)
}

func send(r *http.Request) error {
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode >= 300 {
		path, _ := url.PathUnescape(r.URL.Path)
		return fmt.Errorf("%s %s: %s %s", r.Method, path, resp.Status, answer)
	}
	return err
}

// connect runs the setup function by hand.
func (u *users) connect(ctx context.Context) error {
	_, err := deploy.Connect(ctx, u.operator, deploy.Target{StackName: stackName})
	return err
}

// disturbRules makes the rule groups namespaces such that one has to be created, one to be
// changed and one to be deleted.
func (u *users) disturbRules(ctx context.Context) error {
	rules, id := amp.NewFromConfig(u.operator), aws.String(u.outputs["AMPWorkspaceId"])
	other := []byte("groups: [{name: other, rules: [{record: r, expr: '1'}]}]\n")
	_, err := rules.DeleteRuleGroupsNamespace(ctx, &amp.DeleteRuleGroupsNamespaceInput{WorkspaceId: id, Name: aws.String("parascope-efa")})
	if _, gone := errors.AsType[*amptypes.ResourceNotFoundException](err); err != nil && !gone {
		return err
	}
	if _, err := rules.PutRuleGroupsNamespace(ctx, &amp.PutRuleGroupsNamespaceInput{WorkspaceId: id, Name: aws.String("parascope-gpu"),
		Data: other}); err != nil {
		return err
	}
	_, err = rules.CreateRuleGroupsNamespace(ctx, &amp.CreateRuleGroupsNamespaceInput{WorkspaceId: id, Name: aws.String("parascope-old"),
		Data: other, Tags: map[string]string{namespace.Tag: "rules"}})
	if _, there := errors.AsType[*amptypes.ConflictException](err); err != nil && !there {
		return err
	}
	return u.settled(ctx, rules, id)
}

// writeRules lets the setup function do so.
func (u *users) writeRules(ctx context.Context) error {
	if err := u.disturbRules(ctx); err != nil {
		return err
	}
	connected, err := deploy.Connect(ctx, u.operator, deploy.Target{StackName: stackName})
	if err != nil {
		return err
	}
	if len(connected.Rules) == 0 {
		return fmt.Errorf("no rules were written: %q", connected.Warnings)
	}
	return namespace.Err(connected.Rules)
}

// settled waits until no namespace of the workspace changes.
func (u *users) settled(ctx context.Context, rules *amp.Client, id *string) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		out, err := rules.ListRuleGroupsNamespaces(ctx, &amp.ListRuleGroupsNamespacesInput{WorkspaceId: id})
		if err != nil || !slices.ContainsFunc(out.RuleGroupsNamespaces, func(n amptypes.RuleGroupsNamespaceSummary) bool {
			return strings.HasSuffix(string(n.Status.StatusCode), "ING")
		}) {
			return err
		}
		<-tick.C
	}
}

// connectAndLog also wants the run's last line in the function's log. Lines come at
// the end of a run or a moment later: those of earlier runs must not be taken for it.
func (u *users) connectAndLog(ctx context.Context) error {
	name := deploy.FunctionName(stackName)
	out, err := lambda.NewFromConfig(u.operator).Invoke(ctx, &lambda.InvokeInput{FunctionName: &name, LogType: lambdatypes.LogTypeTail})
	if err != nil {
		return err
	}
	tail, err := base64.StdEncoding.DecodeString(aws.ToString(out.LogResult))
	if err != nil {
		return err
	}
	report := reportLine.Find(tail)
	if out.FunctionError != nil || report == nil {
		return fmt.Errorf("%s: %s", aws.ToString(out.FunctionError), tail)
	}
	logs := cloudwatchlogs.NewFromConfig(u.operator)
	deadline, tick := time.After(time.Minute), time.NewTicker(50*time.Millisecond)
	defer tick.Stop()
	for {
		found, err := logs.FilterLogEvents(ctx, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("/aws/lambda/" + name),
			FilterPattern: aws.String(`"` + string(report) + `"`)})
		if err != nil || len(found.Events) > 0 {
			return err
		}
		if u.cloud.asked.refuses("logs") {
			return fmt.Errorf("the function may not write line %q", report)
		}
		select {
		case <-tick.C:
		case <-deadline:
			return fmt.Errorf("the log has no line %q", report)
		}
	}
}

var reportLine = regexp.MustCompile(`REPORT RequestId: [0-9a-f-]+`)
