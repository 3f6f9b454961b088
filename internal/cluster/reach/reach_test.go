package reach_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/internal/cluster/lookup"
	"github.com/parascope/parascope/internal/cluster/reach"
	"github.com/parascope/parascope/internal/cluster/staging"
	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/localaws"
	"github.com/parascope/parascope/localaws/localtest"
)

const (
	script = "s3://parascope-111122223333-us-east-2/parascope/pcluster-infra/v1/install.sh"
	trust  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	reads  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject",` +
		`"Resource":"arn:aws:s3:::parascope-*/parascope/*"}]}`
)

// account is a cloud with a cluster that runs.
type account struct {
	t   *testing.T
	cfg aws.Config
	env reach.Env
}

// finds runs the checks and compares what they come to.
func (a *account) finds(what string, code hint.Code, want map[string]doctor.Status) {
	a.t.Helper()
	all, err := reach.Run(a.t.Context(), a.env)
	got, details := map[string]doctor.Status{}, []string{}
	for _, r := range all {
		if s := r.Finding.Status; s != doctor.OK {
			got[r.Check.ID] = s
			details = append(details, r.Finding.Detail)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" || hint.CodeOf(err) != code {
		a.t.Errorf("%s: %v %s\n%s", what, err, diff, strings.Join(details, "\n"))
	}
}

// TestOwnRoles: a role that the configuration names is asked about as those of the cluster are.
func TestOwnRoles(t *testing.T) {
	cfg := localtest.Start(t, localaws.Options{}).Operator()
	ctx, roles := t.Context(), iam.NewFromConfig(cfg)
	policy := must[*iam.CreatePolicyOutput](t)(roles.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("nodes"),
		PolicyDocument: aws.String(reads)}))
	var arn string
	for _, r := range [][2]string{{"/parallelcluster/hpc/", "queue"}, {"/", "mine"}} {
		arn = *must[*iam.CreateRoleOutput](t)(roles.CreateRole(ctx, &iam.CreateRoleInput{RoleName: &r[1], Path: &r[0],
			AssumeRolePolicyDocument: aws.String(trust)})).Role.Arn
	}
	attach := func(role string) {
		must[*iam.AttachRolePolicyOutput](t)(roles.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: &role,
			PolicyArn: policy.Policy.Arn}))
	}
	attach("queue")
	const hook = "CustomActions: {OnNodeConfigured: {Sequence: [{Script: " + script + "}]}}"
	for _, c := range []struct {
		name, head string
		exists     bool
		prepare    func()
		status     doctor.Status
		detail     string
		next       string
	}{
		{"the cluster's own", "", true, nil, doctor.OK, "", ""},
		{"a role without the policy", ", Iam: {InstanceRole: " + arn + "}", true, nil, doctor.Failed,
			"role " + arn + " of HeadNode is not allowed to read arn:aws:s3:::parascope-111122223333-us-east-2/parascope/pcluster-infra/v1/" +
				"install.sh",
			"aws iam attach-role-policy --role-name mine --policy-arn " + *policy.Policy.Arn},
		{"the same of a new cluster", ", Iam: {InstanceRole: " + arn + "}", false, nil, doctor.Failed, "of HeadNode is not allowed", "mine"},
		{"a profile", ", Iam: {InstanceProfile: arn:aws:iam::111122223333:instance-profile/mine}", true, nil, doctor.Unknown,
			"HeadNode has its own InstanceProfile arn:aws:iam::111122223333:instance-profile/mine", ""},
		{"a function", ", Iam: {InstanceRole: !Ref Mine}", true, nil, doctor.Unknown, "HeadNode has its own InstanceRole Mine", ""},
		{"a role with the policy", ", Iam: {InstanceRole: " + arn + "}", true, func() { attach("mine") }, doctor.OK, "", ""},
		{"a Deny", ", Iam: {InstanceRole: " + arn + "}", true, func() {
			must[*iam.PutRolePolicyOutput](t)(roles.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: aws.String("mine"),
				PolicyName: aws.String("no"), PolicyDocument: aws.String(strings.Replace(reads, "Allow", "Deny", 1))}))
		}, doctor.Failed, "install.sh by a Deny statement of ", "remove the Deny statement"},
	} {
		if c.prepare != nil {
			c.prepare()
		}
		all, _ := reach.Run(ctx, reach.Env{Config: cfg, Cluster: lookup.Cluster{Name: "hpc", Exists: c.exists}, Script: script,
			NodePolicies: []string{*policy.Policy.Arn}, Configuration: []byte("HeadNode: {" + hook + c.head + "}\n" +
				"Scheduling: {SlurmQueues: [{Name: q, " + hook + "}]}\n")})
		for _, r := range all {
			if f := r.Finding; r.Check.ID == "script-permission" && (f.Status != c.status || !strings.Contains(f.Detail, c.detail) ||
				!strings.Contains(f.Next, c.next)) {
				t.Errorf("%s: %v %q, %q", c.name, f.Status, f.Detail, f.Next)
			}
		}
	}
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// TestWhatEndsANodeIsFound: each thing that keeps a node from the script, and what cannot be
// found out, which is never ok.
func TestWhatEndsANodeIsFound(t *testing.T) {
	cfg := localtest.Start(t, localaws.Options{}).Operator()
	ctx, roles, network := t.Context(), iam.NewFromConfig(cfg), ec2.NewFromConfig(cfg)
	policy := must[*iam.CreatePolicyOutput](t)(roles.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("nodes"),
		PolicyDocument: aws.String(reads)}))
	vpc := must[*ec2.CreateVpcOutput](t)(network.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})).Vpc.VpcId
	subnet := must[*ec2.CreateSubnetOutput](t)(network.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: vpc,
		CidrBlock: aws.String("10.0.0.0/24")})).Subnet.SubnetId
	must[*iam.CreateRoleOutput](t)(roles.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("queue"),
		Path: aws.String("/parallelcluster/hpc/"), AssumeRolePolicyDocument: aws.String(trust)}))
	a := &account{t, cfg, reach.Env{Config: cfg, Cluster: lookup.Cluster{Name: "hpc", Exists: true}, Script: script,
		NodePolicies:  []string{*policy.Policy.Arn},
		Configuration: []byte("HeadNode: {}\nScheduling: {SlurmQueues: [{Networking: {SubnetIds: [" + *subnet + "]}}]}\n")}}

	failed, unknown := doctor.Failed, doctor.Unknown
	a.finds("nothing is staged", hint.NotFound, map[string]doctor.Status{"script-there": failed, "script-region": unknown,
		"script-key": unknown, "script-permission": failed, "script-route": failed})
	must[staging.Staged](t)(staging.Stage{Stack: "pcluster-infra", Version: "v1"}.Put(ctx, cfg))
	a.finds("roles and routes are missing", hint.Denied, map[string]doctor.Status{"script-permission": failed, "script-route": failed})

	must[*iam.AttachRolePolicyOutput](t)(roles.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: aws.String("queue"),
		PolicyArn: policy.Policy.Arn}))
	a.finds("routes are missing", hint.Failure, map[string]doctor.Status{"script-route": failed})

	table := must[*ec2.CreateRouteTableOutput](t)(network.CreateRouteTable(ctx,
		&ec2.CreateRouteTableInput{VpcId: vpc})).RouteTable.RouteTableId
	must[*ec2.AssociateRouteTableOutput](t)(network.AssociateRouteTable(ctx,
		&ec2.AssociateRouteTableInput{RouteTableId: table, SubnetId: subnet}))
	must[*ec2.CreateVpcEndpointOutput](t)(network.CreateVpcEndpoint(ctx, &ec2.CreateVpcEndpointInput{VpcId: vpc,
		ServiceName: aws.String("com.amazonaws.us-east-2.s3"), RouteTableIds: []string{*table}}))
	a.finds("all is well", 0, map[string]doctor.Status{})

	bucket := aws.String("parascope-111122223333-us-east-2")
	for principal, condition := range map[string]string{`"*"`: "", `{"AWS":"*"}`: "", `{"AWS":["*"]}`: `,"Condition":{}`} {
		must[*s3.PutBucketPolicyOutput](t)(s3.NewFromConfig(cfg).PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: bucket,
			Policy: aws.String(`{"Version":"2012-10-17","Statement":[{"Sid":"Some","Effect":"Deny","Principal":{"AWS":"arn:aws:iam::111122223333:root"},` +
				`"Action":"s3:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}},{"Sid":"None","Effect":"Deny","Principal":` +
				principal + `,"Action":["s3:Get*"],"Resource":"arn:aws:s3:::parascope-111122223333-us-east-2/*"` + condition + `}]}`)}))
		a.finds("a policy that denies everybody, "+principal, hint.Denied, map[string]doctor.Status{"script-bucket-policy": failed})
	}
	must[*s3.PutBucketPolicyOutput](t)(s3.NewFromConfig(cfg).PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: bucket,
		Policy: aws.String(`{"Version":"2012-10-17","Statement":[{"Sid":"OnlyHere","Effect":"Deny","Principal":"*","Action":"s3:GetObject",` +
			`"Resource":"arn:aws:s3:::parascope-111122223333-us-east-2/*","Condition":{"StringNotEquals":{"aws:SourceVpc":"vpc-1"},` +
			`"ArnNotLike":{"aws:PrincipalArn":"arn:aws:iam::111122223333:user/*"}}}]}`)}))
	a.env.Configuration = nil
	a.finds("a policy that denies, and no subnets", 0, map[string]doctor.Status{"script-bucket-policy": unknown, "script-route": unknown})
}
