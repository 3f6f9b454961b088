package stack

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/parascope/parascope/internal/hint"
)

// endpoints answers for hosts that are known, with two regions; others have no address,
// as an endpoint of a region that does not exist.
type endpoints struct{ known []string }

func (e endpoints) Do(r *http.Request) (*http.Response, error) {
	for _, host := range e.known {
		if r.URL.Host == host {
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(
				`<DescribeRegionsResponse><regionInfo><item><regionName>us-east-2</regionName></item>` +
					`<item><regionName>us-east-1</regionName></item></regionInfo></DescribeRegionsResponse>`))}, nil
		}
	}
	return nil, &net.DNSError{Err: "no such host", Name: r.URL.Host, IsNotFound: true}
}

// TestCheckRegionOnAWS: there a region that does not exist has no endpoint.
func TestCheckRegionOnAWS(t *testing.T) {
	for name, c := range map[string]struct {
		region string
		known  []string
		code   hint.Code
		says   string
	}{
		"there": {"us-east-2", []string{"ec2.us-east-2.amazonaws.com"}, 0, ""},
		"not there": {"us-east-9", []string{"ec2.us-east-1.amazonaws.com"}, hint.NotFound,
			"region us-east-9 does not exist or is not enabled for this account"},
		"no network":      {"us-east-2", nil, hint.Failure, "no such host"},
		"no network, odd": {"us-east-9", nil, hint.Failure, "no such host"},
		"no name":         {"Ohio", nil, hint.Usage, `"Ohio" is not an AWS region`},
	} {
		cfg := aws.Config{Region: c.region, Credentials: credentials.NewStaticCredentialsProvider("AKID", "secret", ""),
			HTTPClient: endpoints{c.known}, RetryMaxAttempts: 1}
		err := CheckRegion(t.Context(), cfg)
		if hint.CodeOf(err) != c.code || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
		if c.code == hint.NotFound && !strings.Contains(hint.Next(err), "us-east-1, us-east-2") {
			t.Errorf("%s: the regions are not listed: %s", name, hint.Next(err))
		}
	}
}
