package template

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// thing is a template with one resource of these properties, in YAML's flow style.
func thing(properties string) string {
	return "Parameters: {Env: {Type: String, Default: prod}, Zones: {Type: CommaDelimitedList, Default: 'a, b'}}\n" +
		"Mappings: {Sizes: {prod: {count: '3', names: [x, y]}}}\n" +
		"Conditions: {IsProd: !Equals [!Ref Env, prod], IsTest: !Not [!Condition IsProd], Any: !Or [!Condition IsTest, !Equals [a, a]], All: " +
		"!And [!Condition IsProd, !Condition IsTest]}\n" +
		"Resources:\n  Other: {Type: A::B::C}\n  Thing: {Type: A::B::C, Properties: {P: " + properties + "}}\n"
}

var around = Surroundings{
	Pseudo:    map[string]string{"AWS::Region": "us-east-2", "AWS::AccountId": "011112222333", "AWS::Partition": "aws", "AWS::StackName": "s"},
	Ref:       func(r string) (string, error) { return "id-of-" + r, nil },
	Attribute: func(r, a string) (any, error) { return r + "/" + a, nil },
	Zones:     func(region string) ([]string, error) { return []string{region + "a", region + "b"}, nil },
}

func evaluate(text string, given map[string]string) (any, error) {
	t, err := Parse(text)
	if err != nil {
		return nil, err
	}
	values, err := t.Values(given)
	if err != nil {
		return nil, err
	}
	s, err := t.NewScope(values, around)
	if err != nil {
		return nil, err
	}
	properties, err := s.Properties("Thing")
	return properties["P"], err
}

func TestFunctions(t *testing.T) {
	for _, c := range []struct {
		in   string
		want any
	}{
		{"2012-10-17", "2012-10-17"},
		{"012345678901", "012345678901"},
		{"0777", "0777"},
		{"True", "true"},
		{"1.50", "1.50"},
		{"!Ref Env", "prod"},
		{"!Ref Zones", []any{"a", "b"}},
		{"!Ref AWS::Region", "us-east-2"},
		{"!Ref Other", "id-of-Other"},
		{"!GetAtt Other.Arn", "Other/Arn"},
		{"!GetAtt Other.Nested.Name", "Other/Nested.Name"},
		{"!GetAtt [Other, Arn]", "Other/Arn"},
		{"{'Fn::GetAtt': [Other, !Ref Env]}", "Other/prod"},
		{"!Sub '${AWS::StackName}-${Env}-${Other.Arn}-${!Literal}'", "s-prod-Other/Arn-${Literal}"},
		{"!Sub ['${A}${Env}', {A: !Ref Other, Env: mine}]", "id-of-Othermine"},
		{"!Join ['-', [a, !Ref Env, !Ref 'AWS::NoValue']]", "a-prod"},
		{"!Join [',', !Ref Zones]", "a,b"},
		{"!Split ['|', 'a|b|']", []any{"a", "b", ""}},
		{"!Select [1, !Split ['|', 'a|b']]", "b"},
		{"!Select ['0', !GetAZs '']", "us-east-2a"},
		{"!GetAZs eu-west-1", []any{"eu-west-1a", "eu-west-1b"}},
		{"!If [IsProd, yes, no]", "yes"},
		{"!If [IsTest, yes, !Ref Other]", "id-of-Other"},
		{"[!If [Any, 1, 2], !If [All, 1, 2]]", []any{"1", "2"}},
		{"{A: !If [IsTest, 1, !Ref AWS::NoValue], B: 2}", map[string]any{"B": "2"}},
		{"!FindInMap [Sizes, !Ref Env, count]", "3"},
		{"!FindInMap [Sizes, prod, names]", []any{"x", "y"}},
		{"!Base64 {'Fn::Sub': '${Env}!'}", "cHJvZCE="},
		{"!Cidr [10.0.0.0/16, 2, 12]", []any{"10.0.0.0/20", "10.0.16.0/20"}},
		{"!Select [1, !Cidr ['2001:db8::/56', 2]]", "2001:db8:0:1::/64"},
		{"{Statement: [{Condition: {Bool: {x: true}}}]}",
			map[string]any{"Statement": []any{map[string]any{"Condition": map[string]any{"Bool": map[string]any{"x": "true"}}}}}},
	} {
		got, err := evaluate(thing(c.in), nil)
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
		} else if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s:\n%s", c.in, diff)
		}
	}
}

func TestJSONIsReadLikeYAML(t *testing.T) {
	got, err := evaluate(
		`{"Resources": {"Thing": {"Type": "A::B::C", "Properties": {"P": {"Fn::Join": ["", [12345678901234567890, true, "\ud83d\ude00"]]}}}}}`,
		nil)
	if err != nil || got != "12345678901234567890true\U0001F600" {
		t.Errorf("%v, %v", got, err)
	}
}

func TestRefusals(t *testing.T) {
	resources := "\nResources: {R: {Type: A::B::C}}"
	for _, c := range []struct{ in, want string }{
		{"", "Template format error: unsupported structure."},
		{"just text", "Template format error: unsupported structure."},
		{"a: b: c", "Template format error: YAML not well-formed. (line 1"},
		{"{\"a\": \n  x}", "Template format error: JSON not well-formed. (line 2, column 3)"},
		{"{\"Resources\": {}} {}", "Template format error: JSON not well-formed."},
		{"Description: x", "Template format error: At least one Resources member must be defined."},
		{"Foo: x" + resources, "Invalid template property or properties [Foo]"},
		{"Transform: AWS::Serverless-2016-10-31" + resources, "Transform is not supported by the local cloud"},
		{"AWSTemplateFormatVersion: 2010-09-10" + resources,
			"Template format error: 2010-09-10 is not a supported value for AWSTemplateFormatVersion."},
		{"Description: a\nDescription: b" + resources, "duplicate key Description"},
		{"Resources: {R: {}}", "Template format error: [/Resources/R] Every Resources object must contain a Type member."},
		{"Resources: {R-1: {Type: A}}", "Template format error: Resource name R-1 is non alphanumeric."},
		{"Resources: {R: {Type: A, Foo: x}}", "Invalid template resource property 'Foo'"},
		{"Resources: {R: {Type: A, DependsOn: X}}",
			"Template format error: Unresolved resource dependencies [X] in the Resources block of the template"},
		{resources + "\nOutputs: {O: {Value: x, Export: {Name: e}}}", "Output O: Export is not supported by the local cloud"},
		{"Resources: {R: {Type: A, DeletionPolicy: Keep}}", "Unrecognized DeletionPolicy Keep"},
		{"Resources: {R: {Type: A, CreationPolicy: {}}}", "CreationPolicy is not supported"},
		{"Resources: {A: {Type: T, Properties: {x: !Ref B}}, B: {Type: T, DependsOn: A}, C: {Type: T, DependsOn: A}, D: {Type: T}}",
			"Circular dependency between resources: [A, B]"},
		{"Resources: {R: {Type: A, Condition: C}}",
			"Template format error: Unresolved condition dependency C in the Resources block of the template"},
		{"Conditions: {C: !Equals [!Ref R, a]}" + resources,
			"Template format error: Unresolved dependencies [R]. Cannot reference resources in the Conditions block of the template"},
		{"Conditions: {A: !Not [!Condition B], B: !Not [!Condition A]}" + resources, "circular condition dependency"},
		{"Conditions: {A: yes}" + resources, "Conditions must be"},
		{"Parameters: {P: {Default: x}}" + resources, "Template format error: Every Parameters object must contain a Type member."},
		{"Parameters: {P: {Type: Text}}" + resources, "Template format error: Unrecognized parameter type: Text"},
		{"Parameters: {P: {Type: 'AWS::SSM::Parameter::Value<String>'}}" + resources, "has no Parameter Store"},
		{"Parameters: {P: {Type: String, Default: x, AllowedValues: [y]}}" + resources,
			"Template format error: Parameter 'P' default value 'x' must be one of AllowedValues"},
		{"Outputs: {O: {Value: !Ref X}}" + resources,
			"Template format error: Unresolved resource dependencies [X] in the Outputs block of the template"},
		{"Outputs: {O: {Description: d}}" + resources, "Template format error: Every Outputs member must contain a Value object"},
		{thing("!Ref Nobody"), "Template format error: Unresolved resource dependencies [Nobody] in the Resources block of the template"},
		{thing("!GetAtt Nobody.Arn"), "Template error: instance of Fn::GetAtt references undefined resource Nobody"},
		{thing("!Sub '${Nobody.Arn}'"), "Template error: instance of Fn::GetAtt references undefined resource Nobody"},
		{thing("!GetAtt Other"), "Template error: every Fn::GetAtt object requires two non-empty parameters, the resource name and the " +
			"resource attribute"},
		{thing("!Select [5, [a]]"), "Template error: Fn::Select  cannot select nonexistent value at index 5"},
		{thing("!Join [a]"), "Template error: every Fn::Join object requires two parameters"},
		{thing("!FindInMap [Sizes, test, count]"), "Template error: Unable to get mapping for Sizes::test::count"},
		{thing("!FindInMap [Nope, test, count]"), "Template error: Mapping named 'Nope' is not present"},
		{thing("!ImportValue x"), "Fn::ImportValue is not supported by the local cloud"},
		{thing("!Frobnicate x"), "Encountered unsupported function: Fn::Frobnicate"},
		{thing("!Sub '${a b}'"), "Template error: variable names in Fn::Sub syntax must contain only alphanumeric characters"},
		{thing("null"), "[/Resources/Thing/Properties/P] 'null' values are not allowed in templates"},
		{thing("!If [Nope, a, b]"), "Template format error: Unresolved condition dependency Nope in the Resources block of the template"},
		{thing("!Cidr [10.0.0.0/24, 3, 7]"), "no room for 3 blocks"},
		{"Conditions: {No: !Equals [a, b]}\nResources: {Gone: {Type: A, Condition: No}, Thing: {Type: B, Properties: {P: !Ref Gone}}}",
			"Template format error: Unresolved resource dependencies [Gone] in the Resources block of the template"},
		{"a: &a [1]\nb: *a", "YAML aliases are not allowed in CloudFormation templates"},
		{"a: " + strings.Repeat("[", 300) + strings.Repeat("]", 300), "nested deeper than 200 levels"},
	} {
		_, err := evaluate(c.in, nil)
		if c.want == "Conditions must be" {
			c.want = "Every Conditions member must be an object"
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s:\n got %v\nwant %s", c.in, err, c.want)
		}
	}
}

func TestParameters(t *testing.T) {
	text := func(p string) string {
		return "Parameters: {P: {" + p + "}}\nResources: {Thing: {Type: A::B::C, Properties: {P: !Ref P}}}"
	}
	for _, c := range []struct{ parameter, value, want string }{
		{"Type: String", "x", ""},
		{"Type: String, AllowedValues: [none, amp+amg]", "amg", "Parameter 'P' must be one of AllowedValues"},
		{"Type: String, AllowedValues: [a], ConstraintDescription: only a", "b", "Parameter P failed to satisfy constraint: only a"},
		{"Type: String, AllowedPattern: '[a-z]+'", "abc1", "Parameter 'P' must match pattern [a-z]+"},
		{"Type: String, MinLength: 2", "a", "Parameter 'P' must contain at least 2 characters"},
		{"Type: String, MaxLength: '2'", "abc", "Parameter 'P' must contain at most 2 characters"},
		{"Type: Number, MinValue: 1", "0", "Parameter 'P' must be a number not less than 1"},
		{"Type: Number, MaxValue: 1095", "1096", "Parameter 'P' must be a number not greater than 1095"},
		{"Type: Number", "ten", "Parameter 'P' must be a number"},
		{"Type: Number", "1.5", ""},
		{"Type: List<Number>", "1, x", "Parameter 'P' must be a number"},
		{"Type: AWS::EC2::AvailabilityZone::Name", "us-east-2a", ""},
		{"Type: AWS::EC2::AvailabilityZone::Name", "Ohio", "parameter value Ohio for parameter name P does not exist"},
		{"Type: AWS::EC2::VPC::Id", "vpc-12", ""},
		{"Type: List<AWS::EC2::Subnet::Id>", "subnet-12,sub", "parameter value sub for parameter name P does not exist"},
		{"Type: String", strings.Repeat("x", 4097), "at most 4096 bytes"},
	} {
		_, err := evaluate(text(c.parameter), map[string]string{"P": c.value})
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s = %.20s: got %v, want %q", c.parameter, c.value, err, c.want)
		}
	}
	if _, err := evaluate(text("Type: String"),
		map[string]string{"Q": "x", "R": "y"}); fmt.Sprint(err) != "Parameters: [Q, R] do not exist in the template" {
		t.Errorf("unknown: %v", err)
	}
	if _, err := evaluate(text("Type: String"), nil); fmt.Sprint(err) != "Parameters: [P] must have values" {
		t.Errorf("missing: %v", err)
	}
}

func TestRulesAndOutputs(t *testing.T) {
	text := `
Parameters: {Env: {Type: String}, Size: {Type: String, Default: small}}
Conditions: {Big: !Equals [!Ref Size, big]}
Rules:
  ProdIsBig:
    RuleCondition: !Equals [!Ref Env, prod]
    Assertions: [{Assert: {'Fn::Contains': [[big, huge], !Ref Size]}, AssertDescription: prod needs room}]
Resources:
  Thing: {Type: A::B::C, DependsOn: [Extra, Base]}
  Base: {Type: A::B::C}
  Extra: {Type: A::B::C, Condition: Big}
Outputs:
  Name: {Value: !GetAtt Thing.Name, Description: its name}
  Extra: {Condition: Big, Value: !Ref Extra}
`
	if _, err := evaluate(text, map[string]string{"Env": "prod"}); err == nil || !strings.Contains(err.Error(), "prod needs room") {
		t.Errorf("rule: %v", err)
	}
	parsed, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	values, err := parsed.Values(map[string]string{"Env": "test"})
	if err != nil {
		t.Fatal(err)
	}
	s, err := parsed.NewScope(values, around)
	if err != nil {
		t.Fatal(err)
	}
	outputs, err := s.Outputs()
	if diff := cmp.Diff([]OutputValue{{"Name", "Thing/Name", "its name"}}, outputs); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if diff := cmp.Diff([][]string{{"Base", "Thing"}, {"Base"}}, [][]string{s.Resources(), s.Dependencies("Thing")}); diff != "" {
		t.Error(diff)
	}
}

func TestCapability(t *testing.T) {
	for properties, want := range map[string]string{"{}": "CAPABILITY_IAM", "{RoleName: x}": "CAPABILITY_NAMED_IAM"} {
		parsed, err := Parse("Resources: {R: {Type: AWS::IAM::Role, Properties: " + properties + "}, S: {Type: A::B::C}}")
		if err != nil {
			t.Fatal(err)
		}
		if got, because := parsed.Capability(); got != want || len(because) != 1 {
			t.Errorf("%s: %s because %v", properties, got, because)
		}
	}
}

// FuzzParse looks for templates that do worse than being refused.
func FuzzParse(f *testing.F) {
	for _, p := range []string{"!Sub '${Env}'", "!Ref Env", "!Select [0, !GetAZs '']", "!If [IsProd, [!Ref AWS::NoValue], 1]",
		"!Cidr [10.0.0.0/16, 2, 12]", "!Join [',', !Ref Zones]", "!FindInMap [Sizes, prod, count]"} {
		f.Add(thing(p))
	}
	f.Add(`{"Resources": {"Thing": {"Type": "A::B::C", "Properties": {"Fn::If": ["a", 1, 2]}}}}`)
	f.Add("a: &a [*a]")
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := Parse(text)
		if err != nil {
			if _, ok := err.(*Error); !ok {
				t.Errorf("%T: %v", err, err)
			}
			return
		}
		parsed.Capability()
		parsed.Attributes()
		given := map[string]string{}
		for name := range parsed.Parameters {
			given[name] = "1"
		}
		values, err := parsed.Values(given)
		if err != nil {
			return
		}
		s, err := parsed.NewScope(values, around)
		if err != nil {
			return
		}
		for _, id := range s.Resources() {
			s.Properties(id)
			s.Dependencies(id)
		}
		s.Outputs()
	})
}

// Templates of both forms that are nested deeper than any is are refused at once.
func TestDepth(t *testing.T) {
	nested := func(depth int, open, close string) string {
		return strings.Repeat(open, depth) + "1" + strings.Repeat(close, depth)
	}
	for name, c := range map[string]struct {
		text string
		deep bool
	}{
		"JSON lists":          {`{"Resources": {"T": {"Type": "A::B::C", "Properties": {"P": ` + nested(3000, "[", "]") + "}}}}", true},
		"JSON objects":        {`{"Resources": {"T": {"Type": "A::B::C", "Properties": {"P": ` + nested(3000, `{"a":`, "}") + "}}}}", true},
		"JSON, a little":      {`{"Resources": {"T": {"Type": "A::B::C", "Properties": {"P": ` + nested(100, "[", "]") + "}}}}", false},
		"JSON, within a text": {`{"Resources": {"T": {"Type": "A::B::C", "Properties": {"P": "\"` + nested(300, "[", "]") + `"}}}}`, false},
		"YAML lists":          {thing(nested(3000, "[", "]")), true},
	} {
		_, err := Parse(c.text)
		if deep := err != nil && strings.Contains(err.Error(), "nested deeper than 200 levels"); deep != c.deep {
			t.Errorf("%s: %.200v", name, err)
		}
	}
}
