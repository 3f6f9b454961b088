package localaws_test

const (
	rulerDir        = "amp/ruler"
	alertmanagerDir = "amp/alertmanager"
	snsDir          = "sns"
)

// alertMutations are mutations of rules, of the alert manager and of what it sends to.
var alertMutations = []mutation{
	// Rules and the alert manager.
	{
		rule: "an interval of rules", file: rulerDir + "/file.go",
		from: "if g.Interval > 0 && time.Duration(g.Interval) < MinInterval {",
		to:   "if false {",
		pkg:  ampDir, test: "TestRulesThatAMPRefuses",
	},
	{
		rule: "rules that AMP's engine does not evaluate", file: rulerDir + "/file.go",
		from: "if err := dataplane.CheckRule(r.Expr); err != nil {",
		to:   "if err := dataplane.CheckRule(r.Expr); false {",
		pkg:  ampDir, test: "TestRulesThatAMPRefuses",
	},
	{
		rule: "rules of a workspace", file: ampDir + "/namespace.go",
		from: "if err == nil && total > maxRules {",
		to:   "if false {",
		pkg:  ampDir, test: "TestRulesThatAMPRefuses",
	},
	{
		rule: "size of rules and definitions", file: ampDir + "/document.go",
		from: "case len(data) > maxDocument:",
		to:   "case false:",
		pkg:  ampDir, test: "TestDefinitionsThatAMPRefuses",
	},
	{
		rule: "rules that are in the middle of a change", file: ampDir + "/namespace.go",
		from: "if !n.settled(r.Now) {",
		to:   "if false {",
		pkg:  ampDir, test: "TestLifeOfARuleGroupsNamespace",
	},
	{
		rule: "permissions of one namespace", file: ampDir + "/namespace.go",
		from: "return []string{namespaceARN(r.Region, r.Principal.Account, r.Labels[\"workspaceId\"], r.Labels[\"name\"])}",
		to:   "return workspaceARN(r)",
		pkg:  ampDir, test: "TestWhatPermissionsOfRulesAreFor",
	},
	{
		rule: "rules that are refused leave those in force", file: ampDir + "/document.go",
		from: "case now.Before(d.SettledAt), d.Reason != \"\":",
		to:   "case now.Before(d.SettledAt):",
		pkg:  ampDir, test: "TestLifeOfARuleGroupsNamespace",
	},
	{
		rule: "receivers", file: alertmanagerDir + "/definition.go",
		from: "return fmt.Errorf(\"%s is not supported: receivers are sns_configs and pagerduty_configs\", key)",
		to:   "continue",
		pkg:  ampDir, test: "TestDefinitionsThatAMPRefuses",
	},
	{
		rule: "the region of a receiver", file: alertmanagerDir + "/definition.go",
		from: "if region, _ := sigv4[\"region\"].(string); region == \"\" {",
		to:   "if region, _ := sigv4[\"region\"].(string); region == \"\" && false {",
		pkg:  ampDir, test: "TestDefinitionsThatAMPRefuses",
	},
	{
		rule: "settings of a receiver that AMP makes", file: alertmanagerDir + "/definition.go",
		from: "if _, there := c[name]; there {",
		to:   "if false {",
		pkg:  ampDir, test: "TestDefinitionsThatAMPRefuses",
	},

	// What SNS takes and delivers.
	{
		rule: "the policy of a topic", file: snsDir + "/publish.go",
		from: "case verdict.Effect == policy.Allow, !service:",
		to:   "default:",
		pkg:  snsDir, test: "TestTopicPolicy",
	},
	{
		rule: "a denial of a topic's policy", file: snsDir + "/publish.go",
		from: "case verdict.Effect == policy.Deny:",
		to:   "case false:",
		pkg:  snsDir, test: "TestTopicPolicy",
	},
	{
		rule: "subjects", file: snsDir + "/publish.go",
		from: "return !given || printable && subject != \"\" && subject[0] != ' ' && len(subject) <= maxSubject",
		to:   "return printable || true",
		pkg:  snsDir, test: "TestMessagesThatAreRefused",
	},
	{
		rule: "size of messages", file: snsDir + "/publish.go",
		from: "case size > maxMessage:",
		to:   "case false:",
		pkg:  snsDir, test: "TestMessagesThatAreRefused",
	},
	{
		rule: "who has not confirmed gets nothing", file: snsDir + "/publish.go",
		from: "if !x.pending() {",
		to:   "if true {",
		pkg:  snsDir, test: "TestMailIsConfirmedAndArrives",
	},
	{
		rule: "tokens", file: snsDir + "/subscription.go",
		from: "if x.Token == token {",
		to:   "if true {",
		pkg:  snsDir, test: "TestMailIsConfirmedAndArrives",
	},
	{
		rule: "tokens end", file: snsDir + "/sns.go",
		from: "return s.pending() && now.Sub(s.CreatedAt) > confirmWithin",
		to:   "return false",
		pkg:  snsDir, test: "TestTokensEnd",
	},
	{
		rule: "addresses of deliveries", file: snsDir + "/delivery.go",
		from: "if !reach(at.Addr().Unmap()) {",
		to:   "if false {",
		pkg:  snsDir, test: "TestEndpointsThatAreNotReached",
	},

	// What is evaluated, and when.
	{
		rule: "rules look behind the clock", file: rulerDir + "/evaluate.go",
		from: "r.offset.Store(int64(offset))",
		to:   "r.offset.Store(0)",
		pkg:  ampDir, test: "TestAnAlertArrives",
	},
	{
		rule: "alerts in the alert manager", file: alertmanagerDir + "/run.go",
		from: "if !existing && l.n >= maxAlerts {",
		to:   "if false {",
		pkg:  ampDir, test: "TestAlertManagerAPI",
	},
	{
		rule: "a workspace without a definition has no alert manager", file: ampDir + "/alerts.go",
		from: "	if e == nil {\n		return notConfigured()",
		to:   "	if e == nil {\n		return nil",
		pkg:  ampDir, test: "TestNoAlertManager",
	},
}
