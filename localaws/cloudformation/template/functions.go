package template

import (
	"regexp"
	"strings"
)

// NoValue is the pseudo parameter that takes a property out.
const NoValue = "AWS::NoValue"

// pseudoParameters are there without being declared.
var pseudoParameters = []string{"AWS::AccountId", "AWS::NotificationARNs", NoValue, "AWS::Partition", "AWS::Region", "AWS::StackId",
	"AWS::StackName", "AWS::URLSuffix"}

// supportedFunctions is the list that AWS prints; ImportValue and the functions
// of rules stand in it although not every block may use them.
const supportedFunctions = "[Fn::Base64, Fn::GetAtt, Fn::GetAZs, Fn::ImportValue, Fn::Join, Fn::Split, Fn::FindInMap, Fn::Select, Ref, " +
	"Fn::Equals, Fn::If, Fn::Not, Condition, Fn::And, Fn::Or, Fn::Contains, Fn::EachMemberEquals, Fn::EachMemberIn, Fn::ValueOf, " +
	"Fn::ValueOfAll, Fn::RefAll, Fn::Sub, Fn::Cidr]"

// function is the function that a value calls: a map with that one member.
func function(v any) (name string, arg any, ok bool) {
	m, isMap := v.(map[string]any)
	if !isMap || len(m) != 1 {
		return "", nil, false
	}
	for name, arg = range m {
		ok = name == "Ref" || strings.HasPrefix(name, "Fn::")
	}
	return name, arg, ok
}

// condition is function for the places where a condition is expected: only there
// is "Condition" a function, elsewhere it is a member of a policy's statement.
func condition(v any) (name string, arg any, ok bool) {
	if m, isMap := v.(map[string]any); isMap && len(m) == 1 {
		if arg, ok = m["Condition"]; ok {
			return "Condition", arg, true
		}
	}
	return function(v)
}

// list is arg when it is a list of n values, n < 0 standing for any number.
func list(arg any, n int) ([]any, bool) {
	l, ok := arg.([]any)
	return l, ok && (n < 0 || len(l) == n)
}

// checkShape tells, in AWS's words, what is wrong with a function's arguments as
// far as they can be judged before they are evaluated.
func checkShape(name string, arg any) error {
	switch name {
	case "Ref":
		if s, ok := arg.(string); !ok || s == "" {
			return refuse("Template format error: Every Ref object must have a single String value.")
		}
	case "Fn::GetAtt":
		l, ok := list(arg, 2)
		if !ok || l[0] == "" || l[1] == "" {
			return refuse("Template error: every Fn::GetAtt object requires two non-empty parameters, the resource name and the resource attribute")
		}
		if _, ok := l[0].(string); !ok {
			return refuse("Template error: every Fn::GetAtt object requires two non-empty parameters, the resource name and the resource attribute")
		}
	case "Fn::Sub":
		return checkSub(arg)
	case "Fn::Join":
		if l, ok := list(arg, 2); !ok || !isText(l[0]) || isText(l[1]) {
			return refuse("Template error: every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of strings to be " +
				"joined or a function that returns a list of strings (such as Fn::GetAZs) to be joined.")
		}
	case "Fn::Split":
		if l, ok := list(arg, 2); !ok || !isText(l[0]) || l[0] == "" {
			return refuse("Template error: every Fn::Split object requires two parameters, (1) a string delimiter and (2) a string to be split or " +
				"a function that returns a string to be split.")
		}
	case "Fn::Select":
		if l, ok := list(arg, 2); !ok || isText(l[1]) {
			return refuse("Template error: Fn::Select requires a list argument with two elements: an integer index and a list")
		}
	case "Fn::FindInMap":
		if _, ok := list(arg, 3); !ok {
			return refuse("Template error: every Fn::FindInMap object requires three parameters, the map name, map key and the attribute for " +
				"return value")
		}
	case "Fn::If":
		l, ok := list(arg, 3)
		if !ok || !isText(l[0]) {
			return refuse("Template error: Fn::If requires a list argument with three parameters, of which the first is a condition's name")
		}
	case "Fn::Cidr":
		if l, ok := list(arg, -1); !ok || len(l) < 2 || len(l) > 3 {
			return refuse("Template error: every Fn::Cidr object requires two or three parameters, the IP block, the number of CIDRs and their " +
				"host bits")
		}
	case "Fn::Base64", "Fn::GetAZs":
		if _, ok := arg.([]any); ok {
			return refuse("Template error: every %s object must have a String-typed value.", name)
		}
	case "Fn::ImportValue":
		return refuse("Template error: Fn::ImportValue is not supported by the local cloud, which does not store exports")
	case "Fn::Transform", "Fn::ForEach", "Fn::Length", "Fn::ToJsonString", "Fn::GetStackOutput":
		return refuse("Template error: %s is not supported by the local cloud: templates with macros cannot be processed here", name)
	default:
		return refuse("Template validation error: Encountered unsupported function: %s Supported functions are: %s", name, supportedFunctions)
	}
	return nil
}

func isText(v any) bool { _, ok := v.(string); return ok }

// subVariable is ${Name}, ${Resource.Attribute} or ${!Literal}.
var (
	subVariable = regexp.MustCompile(`\$\{([^{}]*)\}`)
	subName     = regexp.MustCompile(`^[A-Za-z0-9_.:]+$`)
)

func checkSub(arg any) error {
	format, variables, ok := subParts(arg)
	if !ok {
		return refuse("Template error: One or more Fn::Sub intrinsic functions don't specify expected arguments. Specify a string as first " +
			"argument, and an optional second argument to specify a mapping of values to replace in the string")
	}
	for _, name := range subNames(format) {
		if !subName.MatchString(name) {
			return refuse("Template error: variable names in Fn::Sub syntax must contain only alphanumeric characters, underscores, periods, and " +
				"colons")
		}
	}
	for name := range variables {
		if !subName.MatchString(name) {
			return refuse("Template error: variable names in Fn::Sub syntax must contain only alphanumeric characters, underscores, periods, and " +
				"colons")
		}
	}
	return nil
}

// subParts are the text of a Sub and the variables that it brings with it.
func subParts(arg any) (format string, variables map[string]any, ok bool) {
	if format, ok = arg.(string); ok {
		return format, nil, true
	}
	l, ok := list(arg, 2)
	if !ok {
		return "", nil, false
	}
	format, isFormat := l[0].(string)
	variables, isMap := l[1].(map[string]any)
	return format, variables, isFormat && isMap
}

// subNames are the names that a Sub's text asks for, without literals.
func subNames(format string) []string {
	var names []string
	for _, m := range subVariable.FindAllStringSubmatch(format, -1) {
		if !strings.HasPrefix(m[1], "!") {
			names = append(names, strings.TrimSpace(m[1]))
		}
	}
	return names
}
