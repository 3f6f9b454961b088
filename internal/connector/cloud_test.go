package connector_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/amp"
	amg "github.com/aws/aws-sdk-go-v2/service/grafana"
	"github.com/aws/aws-sdk-go-v2/service/grafana/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"go.yaml.in/yaml/v3"

	"github.com/parascope/parascope"
	"github.com/parascope/parascope/internal/connector"
	"github.com/parascope/parascope/internal/connector/result"
	"github.com/parascope/parascope/internal/grafana"
	"github.com/parascope/parascope/localaws"
	"github.com/parascope/parascope/localaws/localtest"
	"github.com/parascope/parascope/localaws/localtest/check"
)

// site is a cloud with a Grafana and a Prometheus workspace, whose roles have the
// policies that the template gives them.
type site struct {
	cloud    *localtest.Cloud
	operator aws.Config // may do everything
	function aws.Config // the setup function's role
	target   connector.Target
	endpoint string // of Prometheus, as the data source should have it
	log      *journal
	options  connector.Options
	policies map[string]string // by name, as the roles have them
}

// plan is what a test changes in a site; its zero value will do.
type plan struct {
	version string // of Grafana; default 12.4
	options localaws.Options
}

// journal is all that was logged. Secrets have no place there.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.String()
}

func start(t *testing.T, p plan) *site {
	t.Helper()
	s := &site{cloud: localtest.Start(t, p.options), log: &journal{}, policies: map[string]string{}}
	s.options = connector.DefaultOptions()
	s.options.Poll, s.options.GrafanaStarts, s.options.PermissionsSpread = 20*time.Millisecond, 2*time.Minute, time.Minute
	s.operator = s.cloud.Operator()
	s.operator.RetryMaxAttempts = 1
	s.build(t, p.version)
	t.Cleanup(func() { noSecret(t, "the log", s.log.String()) })
	return s
}

// build makes the workspaces and the roles.
func (s *site) build(t *testing.T, version string) {
	t.Helper()
	prometheus, err := amp.NewFromConfig(s.operator).CreateWorkspace(t.Context(), &amp.CreateWorkspaceInput{})
	check.OK(t, err)
	s.target.PrometheusWorkspaceID = *prometheus.WorkspaceId
	s.endpoint = s.cloud.URL() + "/workspaces/" + *prometheus.WorkspaceId

	names := []string{"PrometheusWorkspace.Arn", *prometheus.Arn, "${PrometheusWorkspace.WorkspaceId}", *prometheus.WorkspaceId,
		"${AWS::Partition}", "aws", "${AWS::Region}", s.operator.Region, "${AWS::AccountId}", "111122223333"}
	role := s.role(t, "grafana", `{"Service":"grafana.amazonaws.com"}`, names, "QueryPolicy", "GrafanaRole")
	s.target.GrafanaWorkspaceID = s.workspace(t, "site", role, version)

	names = append(names, "${GrafanaWorkspace}", s.target.GrafanaWorkspaceID, "${SetupFunctionLogGroup.Arn}",
		"arn:aws:logs:us-east-2:111122223333:log-group:/aws/lambda/*")
	role = s.role(t, "function", `{"AWS":"arn:aws:iam::111122223333:root","Service":"lambda.amazonaws.com"}`, names, "SetupFunctionRole")
	s.function = s.operator.Copy()
	s.function.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(s.operator), role))
}

// workspace makes a Grafana workspace.
func (s *site) workspace(t *testing.T, name, role, version string) string {
	t.Helper()
	if version == "" {
		version = "12.4"
	}
	out, err := amg.NewFromConfig(s.operator).CreateWorkspace(t.Context(), &amg.CreateWorkspaceInput{
		WorkspaceName: &name, AccountAccessType: types.AccountAccessTypeCurrentAccount, PermissionType: types.PermissionTypeCustomerManaged,
		AuthenticationProviders: []types.AuthenticationProviderTypes{types.AuthenticationProviderTypesAwsSso},
		WorkspaceRoleArn:        &role, GrafanaVersion: &version,
	})
	check.OK(t, err)
	return *out.Workspace.Id
}

// role makes a role with the policies of these resources of the template, in which
// names, pairs of old and new, are replaced.
func (s *site) role(t *testing.T, name, principal string, names []string, resources ...string) string {
	t.Helper()
	client := iam.NewFromConfig(s.operator)
	out, err := client.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":` + principal + `,"Action":"sts:AssumeRole"}]}`)})
	check.OK(t, err)
	for _, resource := range resources {
		s.policies[resource] = strings.NewReplacer(names...).Replace(policyOf(t, resource))
		s.withPolicy(t, name, resource)
	}
	return *out.Role.Arn
}

// withPolicy gives a role its policy.
func (s *site) withPolicy(t *testing.T, role, policy string) {
	t.Helper()
	_, err := iam.NewFromConfig(s.operator).PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: &role, PolicyName: &policy,
		PolicyDocument: aws.String(s.policies[policy])})
	check.OK(t, err)
}

// withoutPolicy takes a policy away from a role.
func (s *site) withoutPolicy(t *testing.T, role, policy string) {
	t.Helper()
	_, err := iam.NewFromConfig(s.operator).DeleteRolePolicy(t.Context(), &iam.DeleteRolePolicyInput{RoleName: &role, PolicyName: &policy})
	check.OK(t, err)
}

// policyOf is the policy of a managed policy or the only one of a role, as JSON with
// the template's functions as their arguments.
func policyOf(t *testing.T, resource string) string {
	t.Helper()
	var template struct {
		Resources map[string]struct {
			Properties struct {
				PolicyDocument any `yaml:"PolicyDocument"`
				Policies       []struct {
					PolicyDocument any `yaml:"PolicyDocument"`
				} `yaml:"Policies"`
			} `yaml:"Properties"`
		} `yaml:"Resources"`
	}
	check.OK(t, yaml.Unmarshal([]byte(parascope.Template), &template))
	p := template.Resources[resource].Properties
	if len(p.Policies) == 1 {
		p.PolicyDocument = p.Policies[0].PolicyDocument
	}
	document, err := json.Marshal(p.PolicyDocument)
	if err != nil || p.PolicyDocument == nil {
		t.Fatalf("%s has no policy: %v", resource, err)
	}
	return string(document)
}

// connector is one that waits for seconds where AWS takes minutes.
func (s *site) connector() *connector.Connector {
	o := s.options
	o.Logger = slog.New(slog.NewTextHandler(s.log, nil))
	return connector.New(s.function, o)
}

// connect runs the connection and expects it to succeed.
func (s *site) connect(t *testing.T) result.Connection {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	connected, err := s.connector().Connect(ctx, s.target)
	check.OK(t, err)
	s.noAccounts(t)
	return connected
}

// fail runs the connection and expects an error that says all of this.
func (s *site) fail(t *testing.T, says ...string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	_, err := s.connector().Connect(ctx, s.target)
	s.failed(t, err, says...)
	return err
}

// failed expects an error of the connection that says all of this.
func (s *site) failed(t *testing.T, err error, says ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("connected, want an error that says %q", says)
	}
	for _, text := range says {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%v\ndoes not say %q", err, text)
		}
	}
	noSecret(t, "the error", err.Error())
	s.noAccounts(t)
}

// accounts are the names of our service accounts in the workspace.
func (s *site) accounts(t *testing.T) []string {
	t.Helper()
	var names []string
	pages := amg.NewListWorkspaceServiceAccountsPaginator(amg.NewFromConfig(s.operator),
		&amg.ListWorkspaceServiceAccountsInput{WorkspaceId: &s.target.GrafanaWorkspaceID})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		check.OK(t, err)
		for _, a := range page.ServiceAccounts {
			if strings.HasPrefix(*a.Name, "parascope-setup-") {
				names = append(names, *a.Name)
			}
		}
	}
	return names
}

func (s *site) noAccounts(t *testing.T) {
	t.Helper()
	if left := s.accounts(t); len(left) > 0 {
		t.Errorf("service accounts are left: %v", left)
	}
}

// account makes a service account as a person would, or an earlier run.
func (s *site) account(t *testing.T, name string) (id string) {
	t.Helper()
	out, err := amg.NewFromConfig(s.operator).CreateWorkspaceServiceAccount(t.Context(), &amg.CreateWorkspaceServiceAccountInput{
		WorkspaceId: &s.target.GrafanaWorkspaceID, Name: &name, GrafanaRole: types.RoleAdmin,
	})
	check.OK(t, err)
	return *out.Id
}

// person is a client of the workspace's Grafana with an administrator's token.
func (s *site) person(t *testing.T) *grafana.Client {
	t.Helper()
	client := amg.NewFromConfig(s.operator)
	w, err := client.DescribeWorkspace(t.Context(), &amg.DescribeWorkspaceInput{WorkspaceId: &s.target.GrafanaWorkspaceID})
	check.OK(t, err)
	token, err := client.CreateWorkspaceServiceAccountToken(t.Context(), &amg.CreateWorkspaceServiceAccountTokenInput{
		WorkspaceId: &s.target.GrafanaWorkspaceID, ServiceAccountId: aws.String(s.account(t, "person")), Name: aws.String("person"),
		SecondsToLive: aws.Int32(3600),
	})
	check.OK(t, err)
	return grafana.New(*w.Workspace.Endpoint, *token.ServiceAccountToken.Key)
}

// noSecret fails when text has a token of Grafana's or a signature in it.
func noSecret(t *testing.T, what, text string) {
	t.Helper()
	for _, secret := range []string{"glsa_", "X-Amz-Signature", "Signature="} {
		if strings.Contains(text, secret) {
			t.Errorf("%s has a secret, %s…:\n%s", what, secret, text)
		}
	}
}
