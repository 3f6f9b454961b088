package cluster

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/internal/hint"
)

// TestDetachTakesTwoUpdates: the policies of a running cluster, its queue strategy and OnNodeUpdated go when
// nodes have run the script with --remove, and not before.
func TestDetachTakesTwoUpdates(t *testing.T) {
	for name, in := range configurations(t) {
		if name == "attached_by_hand" {
			continue // it had a script of ours before attach
		}
		for how, want := range map[string]Want{"while it ran": running, "when it was new": newCluster} {
			attached, err := Attach(configurator, in, want)
			if err != nil {
				t.Fatal(err)
			}
			for _, part := range []Part{Policies, All} {
				_, err := Detach(configurator, attached.Text, Without{Running: true, Part: part})
				if err == nil || hint.CodeOf(err) != hint.BadInput || !strings.Contains(err.Error(), configurator+": line ") ||
					!strings.Contains(err.Error(), "still runs the install script") ||
					!strings.Contains(hint.Next(err), "--part scripts") || !strings.Contains(hint.Next(err), "--part policies") {
					t.Errorf("%s, attached %s, part %s: %v, next step %q", name, how, part, err, hint.Next(err))
				}
			}
			scripts, err := Detach(configurator, attached.Text, Without{Running: true, Part: Scripts})
			if err != nil {
				t.Fatal(err)
			}
			if had := attached.Strategy; scripts.Strategy != had {
				t.Errorf("%s, attached %s: the first update has QueueUpdateStrategy %q, want %q", name, how, scripts.Strategy, had)
			}
			if !strings.Contains(string(scripts.Text), removeOption) {
				t.Errorf("%s, attached %s: no node removes the programs:\n%s", name, how, scripts.Text)
			}
			var results []string
			for _, part := range []Part{Policies, All} {
				got, err := Detach(configurator, scripts.Text, Without{Running: true, Part: part})
				if err != nil {
					t.Fatalf("%s, attached %s, part %s: %v", name, how, part, err)
				}
				if again, err := Detach(configurator, got.Text, Without{Running: true, Part: part}); err != nil || len(again.Changes) > 0 {
					t.Errorf("%s, attached %s, part %s: a second run changes %v, %v", name, how, part, again.Changes, err)
				}
				results = append(results, string(got.Text))
			}
			if diff := cmp.Diff(results[0], results[1]); diff != "" {
				t.Errorf("%s, attached %s: after the scripts, all is not the policies: %s", name, how, diff)
			}
		}
	}
	// Before there are scripts, the policies may go.
	policies := running
	policies.Part = Policies
	in := configurations(t)["minimal"]
	attached, err := Attach(configurator, in, policies)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Detach(configurator, attached.Text, Without{Running: true, Part: Policies})
	if err != nil || string(got.Text) != string(in) {
		t.Errorf("%v\n%s", err, got.Text)
	}
}

// TestKeptScripts: what becomes of nodes whose OnNodeConfigured cannot change.
func TestKeptScripts(t *testing.T) {
	attached, err := Attach(configurator, []byte("HeadNode:\n  A: b\n"+tail+"LoginNodes:\n  Pools:\n    - Name: l\n"), newCluster)
	if err != nil {
		t.Fatal(err)
	}
	text := attached.Text
	for _, part := range []Part{Scripts, Policies} {
		got, err := Detach(configurator, text, Without{Running: true, Part: part})
		if err != nil {
			t.Fatal(err)
		}
		const kept = " keeps the script as OnNodeConfigured, and its policies, until the cluster is deleted: ParallelCluster refuses to " +
			"change OnNodeConfigured; " + testScript + " must stay in the bucket"
		want := []string{"HeadNode" + kept, "LoginNodes/Pools[l]" + kept + ". A login node that starts later runs the script, and installs the " +
			"programs again"}
		if diff := cmp.Diff(want, got.ByHand); diff != "" {
			t.Errorf("part %s: %s", part, diff)
		}
		text = got.Text
	}
}

// aliased are configurations whose sections share something through an alias, for each form of it.
func aliased() map[string]string {
	all := map[string]string{}
	for form, text := range map[string][2]string{ // the text with the anchor, and with the alias
		"script":       {"CustomActions:\n  OnNodeConfigured: &h\n    Script: s3://a/b\n    Args:\n      - x\n", "CustomActions:\n  OnNodeConfigured: *h\n"},
		"hook":         {"CustomActions:\n  OnNodeConfigured: &h\n    Sequence:\n      - Script: s3://a/b\n", "CustomActions:\n  OnNodeConfigured: *h\n"},
		"flow hook":    {"CustomActions:\n  OnNodeConfigured: &h {Script: s3://a/b, Args: [x]}\n", "CustomActions:\n  OnNodeConfigured: *h\n"},
		"flow actions": {"CustomActions: &h {OnNodeConfigured: {Script: s3://a/b}}\n", "CustomActions: *h\n"},
		"actions":      {"CustomActions: &h\n  OnNodeConfigured:\n    Script: s3://a/b\n", "CustomActions: *h\n"},
		"other hook":   {"CustomActions: &h\n  OnNodeStart:\n    Script: s3://a/b\n", "CustomActions: *h\n"},
		"list": {"CustomActions:\n  OnNodeConfigured:\n    Sequence: &h\n      - Script: s3://a/b\n",
			"CustomActions:\n  OnNodeConfigured:\n    Sequence: *h\n"},
		"flow list": {"CustomActions:\n  OnNodeConfigured:\n    Sequence: &h [{Script: s3://a/b}]\n",
			"CustomActions:\n  OnNodeConfigured:\n    Sequence: *h\n"},
		"entry": {"CustomActions:\n  OnNodeConfigured:\n    Sequence:\n      - &h\n        Script: s3://a/b\n",
			"CustomActions:\n  OnNodeConfigured:\n    Sequence:\n      - *h\n"},
		"address": {"CustomActions:\n  OnNodeConfigured:\n    Script: &h s3://a/b\n", "CustomActions:\n  OnNodeConfigured:\n    Script: *h\n"},
		"arguments": {"CustomActions:\n  OnNodeConfigured:\n    Script: s3://a/b\n    Args: &h\n      - x\n",
			"CustomActions:\n  OnNodeConfigured:\n    Script: s3://a/b\n    Args: *h\n"},
		"iam": {"Iam: &h\n  AdditionalIamPolicies:\n    - Policy: arn:aws:iam::aws:policy/X\n", "Iam: *h\n"},
		"policies": {"Iam:\n  AdditionalIamPolicies: &h\n    - Policy: arn:aws:iam::aws:policy/X\n",
			"Iam:\n  AdditionalIamPolicies: *h\n"},
		"flow policies": {"Iam:\n  AdditionalIamPolicies: &h [{Policy: 'arn:aws:iam::aws:policy/X'}]\n", "Iam:\n  AdditionalIamPolicies: *h\n"},
		"policy": {"Iam:\n  AdditionalIamPolicies:\n    - &h\n      Policy: arn:aws:iam::aws:policy/X\n",
			"Iam:\n  AdditionalIamPolicies:\n    - *h\n"},
		"flow iam":  {"Iam: &h {AdditionalIamPolicies: [{Policy: 'arn:aws:iam::aws:policy/X'}]}\n", "Iam: *h\n"},
		"other iam": {"Iam: &h\n  S3Access:\n    - BucketName: x\n", "Iam: *h\n"},
	} {
		section := func(at int, text string) string {
			pad := strings.Repeat(" ", at)
			return pad + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n"+pad) + "\n"
		}
		const head, queue, pool = "HeadNode:\n  InstanceType: m7i.xlarge\n", "    - Name: q%d\n", "LoginNodes:\n  Pools:\n    - Name: l\n"
		queues := func(texts ...string) string {
			all := "Scheduling:\n  Scheduler: slurm\n  SlurmQueues:\n"
			for i, text := range texts {
				all += fmt.Sprintf(queue, i) + section(6, text)
			}
			return all
		}
		anchor, alias := text[0], text[1]
		all[form+", head and queues"] = head + section(2, anchor) + queues(alias, alias)
		all[form+", queues"] = head + queues(anchor, alias)
		all[form+", queues before the head"] = queues(anchor, alias) + head + section(2, alias)
		if hook, ok := strings.CutPrefix(alias, "CustomActions:\n"); ok {
			all[form+", twice in the head"] = head + section(2, anchor+strings.Replace(hook, OnNodeConfigured, OnNodeUpdated, 1)) + queues("A: b\n")
		}
		all[form+", queue and pool"] = head + queues(anchor) + pool + section(6, alias)
		all[form+", pool before the queue"] = pool + section(6, anchor) + head + queues(alias)
	}
	return all
}

var alsoChanges = regexp.MustCompile(`^cluster-config\.yaml: line [0-9]+ cannot be edited without changing unrelated settings: ` +
	`the edit would also change (HeadNode|Scheduling/SlurmQueues\[q[01]\]|LoginNodes/Pools\[l\])/(CustomActions|Iam)`)

// TestDetachOfAliases: what attach writes once for several sections, detach takes out once.
func TestDetachOfAliases(t *testing.T) {
	restored := 0
	for name, in := range aliased() {
		for how, want := range map[string]Want{"new": newCluster, "running": running} {
			attached, err := Attach(configurator, []byte(in), want)
			if err != nil { // the sections need different values
				if !strings.Contains(hint.Next(err), "in full") {
					t.Errorf("%s, %s: %v, next step %q", name, how, err, hint.Next(err))
				}
				continue
			}
			got, err := Detach(configurator, attached.Text, Without{Part: All})
			if diff := cmp.Diff(in, string(got.Text)); err != nil || diff != "" {
				t.Errorf("%s, %s: %v\n%s", name, how, err, diff)
				continue
			}
			text := attached.Text
			for _, part := range []Part{Scripts, Policies} {
				got, err = Detach(configurator, text, Without{Running: true, Part: part})
				if err != nil && (how == "running" || !strings.Contains(hint.Next(err), "in full")) { // a new one's head keeps the script
					t.Errorf("%s, %s, part %s: %v", name, how, part, err)
				}
				if err != nil {
					if !alsoChanges.MatchString(err.Error()) {
						t.Errorf("%s, %s, part %s: the error has no line: %v", name, how, part, err)
					}
					break
				}
				text = got.Text
			}
			if how == "running" {
				if diff := cmp.Diff(in, string(text)); diff != "" {
					t.Errorf("%s, %s, in two updates: %s", name, how, diff)
				}
			}
			restored++
		}
	}
	if restored < 100 {
		t.Errorf("%d of the configurations were attached, want at least 100", restored)
	}
}

// TestScriptByExpression: an address that a person wrote as an expression is the install script's, for attach
// and for detach. One that cannot be evaluated, and may be, is refused by both with its line.
func TestScriptByExpression(t *testing.T) {
	attached, err := Attach("t.yaml", []byte(withStack), newCluster)
	if err != nil {
		t.Fatal(err)
	}
	for expression, ours := range map[string]bool{
		"!Sub 's3://parascope-${AWS::AccountId}-us-east-2/parascope/pcluster-infra/v1/install.sh'":               true,
		"!Sub 's3://parascope-${AWS::AccountId}-${AWS::Region}/parascope/pcluster-infra/v1/install.sh'":          true,
		"!Sub s3://parascope-${AWS::AccountId}-${AWS::Region}/parascope/${AWS::StackName}/v1/install.sh":         true,
		"{'Fn::Sub': 's3://parascope-111122223333-${AWS::Region}/parascope/pcluster-infra/v1/install.sh'}":       true,
		"!Sub 's3://parascope-111122223333-us-east-2/parascope/pcluster-infra/v1/install.sh'":                    true,
		"!Sub 's3://${Bucket}/parascope/pcluster-infra/v1/install.sh'":                                           false,
		"!Sub ['s3://${B}/parascope/pcluster-infra/v1/install.sh', {B: x}]":                                      false,
		"!Join ['/', ['s3:/', !Ref Bucket, parascope, pcluster-infra, v1, install.sh]]":                          false,
		"{'Fn::Join': ['', ['s3://', {Ref: Bucket}, '/parascope/pcluster-infra/v1/install.sh']]}":                false,
		"!GetAtt Infrastructure.Outputs.ClusterInstallScript":                                                    false,
		"{'Fn::GetAtt': [Infrastructure, Outputs.ClusterInstallScript]}":                                         false,
		"!Sub 's3://parascope-${AWS::AccountId}-us-east-2/parascope/pcluster-infra/${ScriptVersion}/install.sh'": false,
	} {
		in := strings.ReplaceAll(string(attached.Text), testScript, expression)
		again, attachErr := Attach("t.yaml", []byte(in), newCluster)
		got, err := Detach("t.yaml", []byte(in), Without{Part: All})
		if !ours {
			for _, err := range []error{attachErr, err} {
				if err == nil || hint.CodeOf(err) != hint.BadInput || !strings.HasPrefix(err.Error(), "t.yaml: line 13 ") ||
					!strings.Contains(err.Error(), "may be the install script") || !strings.Contains(hint.Next(err), "in full") {
					t.Errorf("%s: %v, next step %q", expression, err, hint.Next(err))
				}
			}
			continue
		}
		if attachErr != nil || len(again.Changes) > 0 {
			t.Errorf("%s: attach changes %v, %v", expression, again.Changes, attachErr)
		}
		if diff := cmp.Diff(withStack, string(got.Text)); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", expression, err, diff)
		}
		if strings.Contains(got.Bucket, "$") {
			t.Errorf("%s: the bucket in a command is %s", expression, got.Bucket)
		}
		// The head of a running cluster keeps it. Beside it there is no entry that an update could run.
		_, err = Detach("t.yaml", []byte(in), Without{Running: true, Part: Scripts})
		if err == nil || !strings.HasPrefix(err.Error(), "t.yaml: line 13 ") || !strings.Contains(hint.Next(err), "in full") {
			t.Errorf("%s: %v, next step %q", expression, err, hint.Next(err))
		}
	}
	// A person's own script stays.
	in := strings.Replace(withStack, "          InstanceType", "          CustomActions:\n            OnNodeConfigured: "+
		"{Script: !Sub 's3://${Bucket}/setup.sh'}\n          InstanceType", 1)
	if attached, err = Attach("t.yaml", []byte(in), newCluster); err != nil {
		t.Fatal(err)
	}
	got, err := Detach("t.yaml", attached.Text, Without{Part: All})
	if diff := cmp.Diff(in, string(got.Text)); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}

// TestDetachKeepsWhatAPersonWrote: between brackets, where there are no comments, the text that attach writes
// differs from a person's, JSON included. Lists that were empty stay.
func TestDetachKeepsWhatAPersonWrote(t *testing.T) {
	const block = "HeadNode:\n  InstanceType: t3.micro\n%sScheduling:\n  Scheduler: slurm\n  SlurmQueues:\n    - Name: q\n%s"
	const json = `{"HeadNode": {"InstanceType": "t3.micro"%s}, "Scheduling": {"Scheduler": "slurm", "SlurmQueues": [{"Name": "q"%s}]%s}}` + "\n"
	for name, c := range map[string]struct {
		in   string
		kept int // policies of the stack, which a note names
	}{
		"the README's step":             {fmt.Sprintf(block, "  Iam:\n    AdditionalIamPolicies:\n      - Policy: "+remoteWrite+"\n", ""), 1},
		"the README's step in brackets": {fmt.Sprintf(block, "  Iam: {AdditionalIamPolicies: [{Policy: "+remoteWrite+"}]}\n", ""), 1},
		"the README's step in JSON":     {fmt.Sprintf(json, `, "Iam": {"AdditionalIamPolicies": [{"Policy": "`+remoteWrite+`"}]}`, "", ""), 1},
		"both policies in JSON": {fmt.Sprintf(json, `, "Iam": {"AdditionalIamPolicies": [{"Policy": "`+remoteWrite+`"}, {"Policy": "`+nodePolicy+
			`"}]}`, "", ""), 2},
		"a queue's policy in JSON": {fmt.Sprintf(json, "", `, "Iam": {"AdditionalIamPolicies": [{"Policy": "`+nodePolicy+`"}]}`, ""), 1},
		"empty lists": {fmt.Sprintf(block, "  Iam:\n    AdditionalIamPolicies: []\n  CustomActions:\n    OnNodeConfigured:\n      Sequence: []\n",
			"      Iam: {}\n      CustomActions: {OnNodeConfigured: {}}\n"), 0},
		"empty lists in JSON": {fmt.Sprintf(json, `, "Iam": {"AdditionalIamPolicies": []}, "CustomActions": {"OnNodeConfigured": {"Sequence": [ ]}}`,
			`, "Iam": {}, "CustomActions": {}`, `, "SlurmSettings": {}`), 0},
		"a Sequence in JSON": {fmt.Sprintf(json, `, "CustomActions": {"OnNodeConfigured": {"Sequence": [{"Script": "s3://a/b"}]}}`, "", ""), 0},
		"a script in JSON":   {fmt.Sprintf(json, `, "CustomActions": {"OnNodeConfigured": {"Script": "s3://a/b"}}`, "", ""), 0},
		"a strategy in JSON": {fmt.Sprintf(json, "", "", `, "SlurmSettings": {"QueueUpdateStrategy": "DRAIN"}`), 0},
	} {
		for how, want := range map[string]Want{"new": newCluster, "running": running} {
			attached, err := Attach(configurator, []byte(c.in), want)
			if err != nil {
				t.Errorf("%s, %s: %v", name, how, err)
				continue
			}
			got, err := Detach(configurator, attached.Text, Without{Part: All})
			if diff := cmp.Diff(c.in, string(got.Text)); err != nil || diff != "" {
				t.Errorf("%s, %s: %v\n%s", name, how, err, diff)
			}
			if len(got.Notes) != c.kept || c.kept > 0 && !strings.Contains(got.Notes[0], " keeps the policy arn:aws:iam::111122223333:policy/") {
				t.Errorf("%s, %s: %d notes, want %d: %q", name, how, len(got.Notes), c.kept, got.Notes)
			}
		}
	}
}

// TestEditedComments: a person may write more behind the comment of attach.
func TestEditedComments(t *testing.T) {
	const in = "HeadNode:\n  InstanceType: t3.micro\n" + tail
	attached, err := Attach(configurator, []byte(in), running)
	if err != nil {
		t.Fatal(err)
	}
	edited := strings.ReplaceAll(string(attached.Text), "# parascope\n", "# parascope (added by bob)\n")
	got, err := Detach(configurator, []byte(edited), Without{Part: All})
	if diff := cmp.Diff(in, string(got.Text)); err != nil || diff != "" || len(got.Notes) > 0 {
		t.Errorf("%v, %q\n%s", err, got.Notes, diff)
	}
	// A policy that is not the stack's is a person's; the stack's without the comment is kept, and a note says so.
	line := "- Policy: " + nodePolicy + "  # parascope\n"
	edited = strings.Replace(string(attached.Text), line, "- Policy: arn:aws:iam::aws:policy/P  # parascope needs it\n"+
		"      - Policy: "+nodePolicy+" # mine\n", 1)
	got, err = Detach(configurator, []byte(edited), Without{Part: All})
	want := "HeadNode:\n  InstanceType: t3.micro\n  Iam:\n    AdditionalIamPolicies:\n      - Policy: arn:aws:iam::aws:policy/P  # parascope needs it\n" +
		"      - Policy: " + nodePolicy + " # mine\n" + tail
	note := "line 11: HeadNode keeps the policy " + nodePolicy +
		", since it does not have the mark of attach: remove it manually if no node needs it"
	if diff := cmp.Diff(want, string(got.Text)); err != nil || diff != "" || len(got.Notes) != 1 || got.Notes[0] != note {
		t.Errorf("%v, %q\n%s", err, got.Notes, diff)
	}
}
