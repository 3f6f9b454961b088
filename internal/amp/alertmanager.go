package amp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/parascope/parascope/internal/awserr"
)

// AlertClient speaks to the alert manager of one workspace: Alertmanager's API v2.
type AlertClient struct{ at *dataPlane }

// NewAlertClient returns a client for the alert manager of the workspace behind endpoint,
// which is read as NewQueryClient reads it.
func NewAlertClient(cfg aws.Config, endpoint string) (*AlertClient, error) {
	at, err := newDataPlane(cfg, endpoint)
	if err != nil {
		return nil, err
	}
	return &AlertClient{at: at}, nil
}

// Alert is one that the alert manager holds.
type Alert struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
	Status      struct {
		State       string   `json:"state"`       // active, suppressed or unprocessed
		SilencedBy  []string `json:"silencedBy"`  // ids of silences
		InhibitedBy []string `json:"inhibitedBy"` // fingerprints of alerts
	} `json:"status"`
}

// Silence keeps alerts with certain labels from being sent.
type Silence struct {
	ID        string    `json:"id,omitempty"`
	Matchers  []Matcher `json:"matchers"`
	StartsAt  time.Time `json:"startsAt"`
	EndsAt    time.Time `json:"endsAt"`
	CreatedBy string    `json:"createdBy"`
	Comment   string    `json:"comment"`
	Status    *struct {
		State string `json:"state"` // active, pending or expired
	} `json:"status,omitempty"`
}

// Matcher is a condition on a label's value.
type Matcher struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	IsRegex bool   `json:"isRegex"`
	IsEqual bool   `json:"isEqual"`
}

// String is the matcher as PromQL writes it.
func (m Matcher) String() string {
	operator := map[[2]bool]string{{false, true}: "=", {false, false}: "!=", {true, true}: "=~", {true, false}: "!~"}
	return fmt.Sprintf("%s%s%q", m.Name, operator[[2]bool{m.IsRegex, m.IsEqual}], m.Value)
}

// Alerts are all alerts that the alert manager holds, those that are silenced among them.
func (c *AlertClient) Alerts(ctx context.Context) (all []Alert, err error) {
	err = c.do(ctx, http.MethodGet, "alerts", nil, &all)
	return all, err
}

// Silences are all silences, those that have expired a while ago among them.
func (c *AlertClient) Silences(ctx context.Context) (all []Silence, err error) {
	err = c.do(ctx, http.MethodGet, "silences", nil, &all)
	return all, err
}

// Silence makes a silence and returns its id.
func (c *AlertClient) Silence(ctx context.Context, s Silence) (id string, err error) {
	var out struct {
		SilenceID string `json:"silenceID"`
	}
	if err := c.do(ctx, http.MethodPost, "silences", s, &out); err != nil {
		return "", err
	}
	if out.SilenceID == "" {
		return "", errors.New("the alert manager's response has no silence ID")
	}
	return out.SilenceID, nil
}

// EndSilence ends a silence.
func (c *AlertClient) EndSilence(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodDelete, "silence/"+url.PathEscape(id), nil, nil)
}

func (c *AlertClient) do(ctx context.Context, method, path string, in, out any) error {
	var body []byte
	contentType := ""
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return fmt.Errorf("could not encode the request: %w", err)
		}
		contentType = "application/json"
	}
	status, answer, err := c.at.send(ctx, method, "/alertmanager/api/v2/"+path, contentType, body)
	if err != nil {
		return err
	}
	if status/100 != 2 {
		return refusalOf(status, answer)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("the response is not from the Alertmanager API: %s", awserr.Public(excerpt(answer)))
	}
	return nil
}

// refusalOf reads a refusal of AMP or of Alertmanager, which writes a text in quotes.
func refusalOf(status int, body []byte) error {
	var a answer
	if err := json.Unmarshal(body, &a); err != nil {
		a = answer{}
		if json.Unmarshal(body, &a.Message) != nil {
			a.Message = excerpt(body)
		}
	}
	return refusal(status, a, body)
}
