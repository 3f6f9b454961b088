package local

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	signer "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/parascope/parascope/internal/awsconf"
	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/localaws"
)

// Fault is trouble that the local cloud makes for senders or readers. Kind and On
// are checked by the local cloud, which knows them.
type Fault struct {
	ID          string    `json:"id,omitempty"`          // given by the local cloud
	Kind        string    `json:"kind"`                  // expired, throttled, hang, …
	On          string    `json:"on"`                    // remote_write, query or the API of a service
	WorkspaceID string    `json:"workspaceId,omitempty"` // empty: every workspace
	Share       float64   `json:"share"`                 // of the requests, above 0 to 1
	Until       time.Time `json:"until,omitzero"`        // zero: until it is cleared
	Hits        int       `json:"hits,omitempty"`        // requests that met it so far

	ForSeconds        float64 `json:"forSeconds,omitempty"`
	RetryAfterSeconds int     `json:"retryAfterSeconds,omitempty"` // throttled and unavailable
	DelaySeconds      float64 `json:"delaySeconds,omitempty"`      // slow
	RefuseSamples     int     `json:"refuseSamples,omitempty"`     // refuse: samples of each request
}

// AddFault puts a fault in force at the local cloud that runs on the data
// directory, and returns it with its id and end.
func AddFault(ctx context.Context, dir string, f Fault) (Fault, error) {
	var out Fault
	err := callFaults(ctx, dir, http.MethodPost, "", f, &out)
	return out, err
}

// Faults lists those in force.
func Faults(ctx context.Context, dir string) ([]Fault, error) {
	var out struct{ Faults []Fault }
	err := callFaults(ctx, dir, http.MethodGet, "", nil, &out)
	return out.Faults, err
}

// ClearFaults ends the fault with this id, or with "" every one, and returns how
// many that were. Requests that hang on one are let go.
func ClearFaults(ctx context.Context, dir, id string) (int, error) {
	path := ""
	if id != "" {
		path = "/" + url.PathEscape(id)
	}
	var out struct{ Cleared int }
	err := callFaults(ctx, dir, http.MethodDelete, path, nil, &out)
	return out.Cleared, err
}

// callFaults makes a signed call to the local cloud's own API for faults.
func callFaults(ctx context.Context, dir, method, path string, in, out any) error {
	running, err := FindRunning(ctx, dir)
	if err != nil {
		return err
	}
	body := []byte{}
	if in != nil {
		if body, err = json.Marshal(in); err != nil {
			return fmt.Errorf("could not encode fault: %w", err)
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, running.Endpoint+localaws.FaultsPath+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("could not send the request to the local cloud: %w", err)
	}
	if err := signAsOperator(ctx, dir, running, req, body); err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("could not send the request to the local cloud: %w", err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("could not read the local cloud's response: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return explainFault(resp.StatusCode, answer)
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("could not read the local cloud's response: %w", err)
	}
	return nil
}

func signAsOperator(ctx context.Context, dir string, running Running, req *http.Request, body []byte) error {
	cfg, err := awsconf.Load(ctx, awsconf.Options{Region: running.Region, Profile: Operator, Files: sharedFiles(dir)})
	if err != nil {
		return err
	}
	credentials, err := cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return fmt.Errorf("could not load the operator's credentials: %w", err)
	}
	sum := sha256.Sum256(body)
	if err := signer.NewSigner().SignHTTP(ctx, credentials, req, hex.EncodeToString(sum[:]), localaws.FaultsSigningName, running.Region,
		time.Now()); err != nil {
		return fmt.Errorf("could not sign the request: %w", err)
	}
	return nil
}

// explainFault turns a refusal into an error with the next step.
func explainFault(status int, answer []byte) error {
	var refusal struct{ Message string }
	if json.Unmarshal(answer, &refusal) != nil || refusal.Message == "" {
		refusal.Message = fmt.Sprintf("%d %s", status, answer)
	}
	err := fmt.Errorf("the local cloud refused the request: %s", awserr.Public(refusal.Message))
	switch status {
	case http.StatusBadRequest:
		return hint.New(hint.Usage, err, "see 'parascope local fault --help'")
	case http.StatusForbidden:
		return hint.New(hint.Denied, err, "give --data the directory of the running local cloud")
	case http.StatusNotFound:
		return hint.New(hint.NotFound, err, "'parascope local fault list' shows the active faults")
	}
	return err
}
