package organizations_test

import (
	"errors"
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/organizations"
	"github.com/aws/aws-sdk-go-v2/service/organizations/types"
	"github.com/aws/smithy-go"
	"github.com/google/uuid"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/organizations"
	"github.com/parascope/parascope/localaws/principal"
)

var key = principal.AccessKey{ID: "AKIAEXAMPLE", Secret: "secret", Principal: principal.Principal{ARN: "arn:aws:iam::111122223333:user/u",
	Account: "111122223333", UserID: "AIDAEXAMPLE"}}

func start(t *testing.T, inOrganization bool, authorize func(gateway.Ask) (gateway.Decision, error)) *sdk.Client {
	t.Helper()
	gw, err := gateway.New(gateway.Options{
		Services: []gateway.Service{organizations.Service(inOrganization)}, Authorize: authorize, NewID: uuid.NewString, Now: time.Now,
		Lookup: func(string) (principal.AccessKey, bool, error) { return key, true, nil }, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(gw)
	t.Cleanup(srv.Close)
	return sdk.New(sdk.Options{Region: "us-east-2", BaseEndpoint: &srv.URL, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(key.ID, key.Secret, "")})
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
