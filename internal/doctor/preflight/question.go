package preflight

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/parascope/parascope"
	"github.com/parascope/parascope/internal/artifact"
	"github.com/parascope/parascope/internal/stack"
)

// PolicyStack is the stack that the deployer's policy is written for.
const PolicyStack = "pcluster-infra"

// statement is one of the deployer's policies, which allow only, and whose
// conditions are positive: a value that they name fulfils them.
type statement struct {
	Sid       string
	Action    oneOrMore
	Resource  oneOrMore
	Condition map[string]map[string]oneOrMore // operator → key → values
	file      string                          // that it stands in
}

// oneOrMore is how policies write lists.
type oneOrMore []string

// UnmarshalJSON reads a text or a list of texts.
func (o *oneOrMore) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		*o = make(oneOrMore, 1)
		return json.Unmarshal(b, &(*o)[0])
	}
	return json.Unmarshal(b, (*[]string)(o))
}

// deployerStatements are those of the policies that the program carries.
func deployerStatements() (all []statement) {
	for _, document := range []struct{ file, text string }{
		{DeployerPolicy, parascope.DeployerPolicy}, {AlertsPolicy, parascope.DeployerAlertsPolicy},
	} {
		var policy struct{ Statement []statement }
		if err := json.Unmarshal([]byte(document.text), &policy); err != nil {
			panic(fmt.Sprintf("the embedded %s: %v", document.file, err)) // it is a constant of this program; tests read it
		}
		for _, s := range policy.Statement {
			s.file = document.file
			all = append(all, s)
		}
	}
	return all
}

// Statements of which a stack that lacks the part has no use.
var (
	forGrafana = []string{
		"KeepTheFunctionInABucket", "UploadTheFunction", "MakeRolesOfTheStack", "GiveRolesTheStacksPoliciesOnly",
		"HandRolesToGrafanaAndLambdaOnly",
		"ManageGrafana", "FindAndAddPeople", "RegisterGrafanaWithIdentityCenter", "ManageTheFunction", "ManageTheFunctionsLog",
	}
	forPrometheus = []string{"MakePoliciesOfTheStack", "ManagePrometheus", "LookAtMetrics", "ManageTheAlertTopic",
		"ManageAlertSubscriptions", "ManageTheAlertManager", "FindAlertRules", "WriteAlertRules"}
	// No stack needs these: clusters and the command alerts do.
	forOthers = []string{"StageWhatNodesInstall", "FindClusters", "ReadClusterConfigurations", "LookAtAlerts", "ForgetClusters",
		"CountNotifications"}
)

// question is what the simulator is asked in one call: whether actions are allowed
// on a resource, in a request with these condition keys.
type question struct {
	actions  []string
	sids     map[string]string // statements of the actions, by their names in lower case
	resource string
	context  []types.ContextEntry
}

// mostActions bounds the actions of a question, so that its answer is one page.
const mostActions = 50

// questions are about all that the stack needs, as it is and as it will be.
func (e *Env) questions() []question {
	now, then := stack.MonitoringOf(e.State.Parameters), e.monitoring()
	grafana := then.HasGrafana() || e.State.Exists() && now.HasGrafana()
	prometheus := then.HasPrometheus() || e.State.Exists() && now.HasPrometheus()
	needed := slices.DeleteFunc(deployerStatements(), func(s statement) bool {
		return slices.Contains(forOthers, s.Sid) || !grafana && slices.Contains(forGrafana, s.Sid) || !prometheus &&
			slices.Contains(forPrometheus, s.Sid)
	})
	at := place{account: e.Account, region: e.Config.Region, stack: e.StackName,
		bucket: cmp.Or(e.Bucket, artifact.BucketName(e.Account, e.Config.Region)), boundary: e.effective()[stack.BoundaryParameter]}
	if parts := strings.Split(e.Caller, ":"); len(parts) > 1 {
		at.partition = parts[1]
	}
	return questionsOf(needed, at)
}

// questionsOf puts actions together that are on the same resource under the same
// conditions: each question is a call.
func questionsOf(statements []statement, at place) []question {
	var all []question
	for _, s := range statements {
		for _, resource := range s.Resource {
			if strings.Contains(resource, "${") {
				continue // about the caller itself, and answered by the simulation's being allowed
			}
			for _, action := range s.Action {
				for _, keys := range at.contexts(action, s.Condition) {
					all = addQuestion(all, s.Sid, action, at.fill(resource), keys)
				}
			}
		}
	}
	return all
}

func addQuestion(all []question, sid, action, resource string, keys []types.ContextEntry) []question {
	i := slices.IndexFunc(all, func(q question) bool {
		return q.resource == resource && len(q.actions) < mostActions && slices.EqualFunc(q.context, keys, sameEntry)
	})
	if i < 0 {
		i = len(all)
		all = append(all, question{sids: map[string]string{}, resource: resource, context: keys})
	}
	all[i].actions = append(all[i].actions, action)
	all[i].sids[strings.ToLower(action)] = sid
	return all
}

func sameEntry(a, b types.ContextEntry) bool {
	return aws.ToString(a.ContextKeyName) == aws.ToString(b.ContextKeyName) && slices.Equal(a.ContextKeyValues, b.ContextKeyValues)
}

// contexts are the condition keys of requests that fulfil the conditions: one
// request for each value that a key may have, since each of them is needed. Each
// has its region, which other people's policies like to ask for; that of the
// global services is us-east-1.
func (p place) contexts(action string, conditions map[string]map[string]oneOrMore) [][]types.ContextEntry {
	region := p.region
	if strings.HasPrefix(action, "iam:") || strings.HasPrefix(action, "organizations:") {
		region = "us-east-1"
	}
	entry := func(key, value string) types.ContextEntry {
		return types.ContextEntry{ContextKeyName: &key, ContextKeyType: types.ContextKeyTypeEnumString, ContextKeyValues: []string{value}}
	}
	all := [][]types.ContextEntry{{entry("aws:RequestedRegion", region)}}
	if p.boundary != "" && strings.HasPrefix(action, "iam:") {
		all[0] = append(all[0], entry(boundaryKey, p.boundary))
	}
	for _, operator := range slices.Sorted(maps.Keys(conditions)) {
		for _, key := range slices.Sorted(maps.Keys(conditions[operator])) {
			var longer [][]types.ContextEntry
			for _, before := range all {
				for _, value := range conditions[operator][key] {
					longer = append(longer, append(slices.Clip(before), entry(key, p.fill(value))))
				}
			}
			all = longer
		}
	}
	return all
}

// boundaryKey is the condition key for the permissions boundary that a role has or gets.
const boundaryKey = "iam:PermissionsBoundary"

// place is where the stack is, which a policy leaves open.
type place struct{ partition, region, account, stack, bucket, boundary string }

// fill makes an ARN of a pattern: of the place, with a name that could be one where
// any name would do. What is not an ARN stays what it is: "*", a service's name.
func (p place) fill(pattern string) string {
	parts := strings.SplitN(pattern, ":", 6)
	if len(parts) < 6 {
		return pattern
	}
	parts[1] = p.partition
	for i, value := range map[int]string{3: p.region, 4: p.account} {
		if parts[i] == "*" {
			parts[i] = value
		}
	}
	name := strings.ReplaceAll(parts[5], PolicyStack, p.stack)
	switch example := "preflight"; parts[2] {
	case "s3": // bucket, or bucket/key
		_, key, object := strings.Cut(name, "/")
		if name = p.bucket; object {
			name += "/" + strings.ReplaceAll(key, "*", example)
		}
	case "logs": // a log group's name goes on with its streams
		name = strings.ReplaceAll(name, "*", ":log-stream:"+example)
	default:
		name = strings.ReplaceAll(name, "*", example)
	}
	parts[5] = name
	return strings.Join(parts, ":")
}
