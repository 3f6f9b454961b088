package cluster

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/parascope/parascope/internal/cluster/lookup"
	"github.com/parascope/parascope/internal/hint"
)

// TestRolesWithoutThePolicy: the advice is the way in which this cluster is updated.
func TestRolesWithoutThePolicy(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "<R><ListEntitiesForPolicyResult><PolicyRoles/><IsTruncated>false</IsTruncated></ListEntitiesForPolicyResult></R>")
	}))
	defer server.Close()
	cfg := aws.Config{Region: "us-east-2", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("a", "b", "")}
	const policies = "update the cluster with the policies first: 'parascope cluster attach --config c.yaml --cluster hpc " +
		"--region us-east-2 --part policies --write', then '"
	for name, c := range map[string]struct {
		text     string
		template bool
		want     string
	}{
		"pcluster's": {string(configurations(t)["minimal"]), false,
			"pcluster update-cluster --cluster-name hpc --cluster-configuration c.yaml --region us-east-2'"},
		"a template's": {withStack, true, "aws cloudformation deploy --template-file c.yaml --stack-name pcluster-infra --region us-east-2 " +
			"--capabilities CAPABILITY_NAMED_IAM CAPABILITY_AUTO_EXPAND'"},
	} {
		plan, err := PlanAttach(Request{File: "c.yaml", Result: "new.yaml", Text: []byte(c.text), Part: Scripts, Again: " --region us-east-2",
			Cluster: lookup.Cluster{Name: "hpc", Exists: true, Version: "3.16.3", CustomResource: c.template}}, testSource)
		if err != nil {
			t.Fatal(err)
		}
		_, err = plan.CheckRoles(t.Context(), cfg, testSource)
		if err == nil || !strings.HasPrefix(err.Error(), "only 0 of 2 roles of cluster hpc have policy "+nodePolicy) ||
			hint.Next(err) != policies+c.want {
			t.Errorf("%s: %v; %s", name, err, hint.Next(err))
		}
	}
}

// TestUnseenChangeOfATemplate: pcluster's flag is of no use there.
func TestUnseenChangeOfATemplate(t *testing.T) {
	text := strings.Replace(withStack, "          InstanceType: m7i.xlarge\n",
		"          CustomActions: {OnNodeUpdated: {Sequence: [{Script: s3://site/x.sh}]}}\n", 1)
	text = strings.Replace(text, "            - Name: q\n",
		"            - Name: q\n              CustomActions: {OnNodeConfigured: {Sequence: [{Script: s3://site/x.sh}]}}\n", 1)
	text = strings.Replace(text, "          Scheduler: slurm\n", "          Scheduler: slurm\n          SlurmSettings: {QueueUpdateStrategy: DRAIN}\n", 1)
	plan, err := PlanAttach(Request{File: "c.yaml", Text: []byte(text), Part: Scripts,
		Cluster: lookup.Cluster{Name: "hpc", Exists: true, Version: "3.16.3", CustomResource: true}}, testSource)
	if err != nil {
		t.Fatal(err)
	}
	if all := planOf(plan); strings.Contains(all, "pcluster update-cluster") || strings.Contains(all, "--force-update") ||
		!strings.Contains(all, "by hand ParallelCluster does not compare the entries of a Sequence") {
		t.Error(all)
	}
}
