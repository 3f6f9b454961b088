package connector

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/cfn"

	"github.com/parascope/parascope/internal/connector/result"
)

const (
	maxAnswer   = 4096 // bytes that CloudFormation reads
	maxReason   = 1500
	maxWarnings = 1000
	answerTries = 3
	minCut      = 100 // bytes of a text that are left whole
)

// answer is what CloudFormation reads of a custom resource.
type answer struct {
	Status             cfn.StatusType
	Reason             string            `json:",omitempty"`
	PhysicalResourceID string            `json:"PhysicalResourceId"`
	StackID            string            `json:"StackId"`
	RequestID          string            `json:"RequestId"`
	LogicalResourceID  string            `json:"LogicalResourceId"`
	Data               map[string]string `json:",omitempty"`
}

// answerTo is success with nothing to say. A resource that was never made has the
// request's id for a physical one, and keeps it when it is deleted.
func answerTo(event cfn.Event) answer {
	a := answer{
		Status: cfn.StatusSuccess, PhysicalResourceID: event.PhysicalResourceID,
		StackID: event.StackID, RequestID: event.RequestID, LogicalResourceID: event.LogicalResourceID,
	}
	if a.PhysicalResourceID == "" {
		a.PhysicalResourceID = event.RequestID
	}
	return a
}

func (a *answer) fail(err error) {
	a.Status, a.Reason, a.Data = cfn.StatusFailed, result.Cut(err.Error(), maxReason), nil
}

// succeed gives the template attributes to read with GetAtt.
func (a *answer) succeed(c result.Connection) {
	a.Data = map[string]string{
		"GrafanaUrl":     c.GrafanaURL,
		"GrafanaVersion": c.GrafanaVersion,
		"DataSourceUid":  c.DataSources[0].UID,
		"DataSourceType": c.DataSources[0].Type,
		"Warnings":       result.Cut(strings.Join(c.Warnings, "; "), maxWarnings),
	}
}

// send puts the answer where CloudFormation waits for it. The URL is a secret: it
// is signed, and stays out of errors.
func (a *answer) send(ctx context.Context, client *http.Client, url string) error {
	body, err := a.encode()
	if err != nil {
		return err
	}
	for try := 1; ; try++ {
		err = put(ctx, client, url, body)
		if err == nil || try == answerTries {
			return err
		}
		select {
		case <-time.After(time.Duration(try) * time.Second):
		case <-ctx.Done():
			return err
		}
	}
}

// encode makes the answer's bytes. Quotes and control characters grow when they are
// encoded: what is too long then is cut further, since any answer is better than none.
func (a *answer) encode() ([]byte, error) {
	for {
		var b bytes.Buffer
		encoder := json.NewEncoder(&b)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(a); err != nil {
			return nil, fmt.Errorf("could not encode the response: %w", err)
		}
		warnings := a.Data["Warnings"]
		switch {
		case b.Len() <= maxAnswer:
			return b.Bytes(), nil
		case len(a.Reason) > minCut:
			a.Reason = result.Cut(a.Reason, len(a.Reason)/2)
		case len(warnings) > minCut:
			a.Data["Warnings"] = result.Cut(warnings, len(warnings)/2)
		default:
			return nil, fmt.Errorf("the response has %d bytes; CloudFormation accepts at most %d", b.Len(), maxAnswer)
		}
	}
}

func put(ctx context.Context, client *http.Client, url string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("the response URL cannot be used")
	}
	// The URL was signed for a request without a content type.
	req.Header["Content-Type"] = nil
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("%s could not be reached", req.URL.Host)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		why, _ := io.ReadAll(io.LimitReader(resp.Body, 300)) // best effort: the status says enough
		return fmt.Errorf("%s answered %s: %s", req.URL.Host, resp.Status, why)
	}
	return nil
}
