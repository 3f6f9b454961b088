package organizations_test

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/organizations"
	"github.com/aws/aws-sdk-go-v2/service/organizations/types"
	"github.com/aws/smithy-go"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/localtest/servicetest"
	"github.com/parascope/parascope/localaws/organizations"
)

func start(t *testing.T, inOrganization bool, authorize func(gateway.Ask) (gateway.Decision, error)) *sdk.Client {
	t.Helper()
	b := servicetest.Open(t, t.TempDir())
	b.Account()
	b.Serve(gateway.Options{Services: []gateway.Service{organizations.Service(inOrganization)}, Authorize: authorize})
	return sdk.NewFromConfig(b.Config("us-east-2"))
}

func TestTheOrganizationThatTheAccountManages(t *testing.T) {
	out, err := start(t, true, gateway.AllowAll).DescribeOrganization(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	o := out.Organization
	if aws.ToString(o.MasterAccountId) != "111122223333" || o.FeatureSet != types.OrganizationFeatureSetAll ||
		aws.ToString(o.Arn) != "arn:aws:organizations::111122223333:organization/"+aws.ToString(o.Id) ||
		aws.ToString(o.MasterAccountArn) != "arn:aws:organizations::111122223333:account/"+aws.ToString(o.Id)+"/111122223333" {
		t.Errorf("%+v", o)
	}
}

func TestAnAccountInNoOrganization(t *testing.T) {
	_, err := start(t, false, gateway.AllowAll).DescribeOrganization(t.Context(), nil)
	none, ok := errors.AsType[*types.AWSOrganizationsNotInUseException](err)
	if !ok || none.ErrorMessage() != "Your account is not a member of an organization." {
		t.Errorf("%v", err)
	}
}

func TestWhoMayAsk(t *testing.T) {
	var asked gateway.Ask
	client := start(t, true, func(a gateway.Ask) (gateway.Decision, error) {
		asked = a
		return gateway.Decision{Because: "no identity-based policy allows it"}, nil
	})
	_, err := client.DescribeOrganization(t.Context(), nil)
	if _, denied := errors.AsType[*types.AccessDeniedException](err); !denied || asked.Action != "organizations:DescribeOrganization" ||
		asked.Resource != "*" {
		t.Errorf("asked for %s on %s: %v", asked.Action, asked.Resource, err)
	}
}

func TestWhatIsNotHereSaysSo(t *testing.T) {
	_, err := start(t, true, gateway.AllowAll).ListAccounts(t.Context(), nil)
	if api, ok := errors.AsType[smithy.APIError](err); !ok || api.ErrorCode() != "NotImplemented" {
		t.Errorf("%v", err)
	}
}
