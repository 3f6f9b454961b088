package newcluster

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/smithy-go"
)

const maxAnswer = 4 << 20 // bytes; fifty instance types take 200 KB

// query asks EC2 and decodes the fields of answer. The SDK's DescribeInstanceTypes and DescribeKeyPairs
// decode all fields, which is 250 KB of code: too much for the program's budget (bench/size). Endpoint,
// credentials and retries are the SDK client's.
func query(ctx context.Context, cfg aws.Config, form url.Values, answer any) error {
	o := ec2.NewFromConfig(cfg).Options()
	at, err := o.EndpointResolverV2.ResolveEndpoint(ctx, ec2.EndpointParameters{Region: &o.Region, Endpoint: o.BaseEndpoint,
		UseFIPS:      aws.Bool(o.EndpointOptions.UseFIPSEndpoint == aws.FIPSEndpointStateEnabled),
		UseDualStack: aws.Bool(o.EndpointOptions.UseDualStackEndpoint == aws.DualStackEndpointStateEnabled)})
	if err != nil {
		return fmt.Errorf("no endpoint of EC2 in %s: %w", o.Region, err)
	}
	form.Set("Version", "2016-11-15")
	for attempt := 1; ; attempt++ {
		err := send(ctx, o, at.URI.String(), form.Encode(), answer)
		if err == nil || attempt >= o.Retryer.MaxAttempts() || !o.Retryer.IsErrorRetryable(err) {
			return err
		}
		delay, err := o.Retryer.RetryDelay(attempt, err)
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(delay):
		}
	}
}

// send is one attempt. An error that EC2 answers is a smithy.APIError.
func send(ctx context.Context, o ec2.Options, endpoint, body string, answer any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(body))
	if err != nil {
		return fmt.Errorf("could not build the request to EC2: %w", err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	credentials, err := o.Credentials.Retrieve(ctx)
	if err != nil {
		return err
	}
	digest := sha256.Sum256([]byte(body))
	if err := v4.NewSigner().SignHTTP(ctx, credentials, request, hex.EncodeToString(digest[:]), "ec2", o.Region, time.Now()); err != nil {
		return err
	}
	response, err := o.HTTPClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		refused := struct {
			Code    string `xml:"Errors>Error>Code"`
			Message string `xml:"Errors>Error>Message"`
		}{Code: response.Status}
		_ = xml.Unmarshal(text, &refused) // what is no error of EC2 has the status for a code
		return &smithy.GenericAPIError{Code: refused.Code, Message: refused.Message}
	}
	if err := xml.Unmarshal(text, answer); err != nil {
		return fmt.Errorf("could not read EC2's answer: %w", err)
	}
	return nil
}
