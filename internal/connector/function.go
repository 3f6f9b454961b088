package connector

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/aws/aws-lambda-go/cfn"

	"github.com/parascope/parascope/internal/connector/result"
)

// answerWithin is kept free at the end of an invocation: time to finish a sign-in,
// to sign out and to tell CloudFormation, which otherwise waits for an answer that
// never comes.
const answerWithin = 45 * time.Second

// Function is the setup function: a Lambda handler for CloudFormation's custom
// resource and for people who invoke it.
type Function struct {
	Connector *Connector
	Default   Target       // what an invocation without a payload connects
	HTTP      *http.Client // for the answers to CloudFormation
	Logger    *slog.Logger
	Results   io.Writer // where each connection adds its result.Run, as a line
}

// Invoke handles one invocation. A payload with a RequestType is CloudFormation's:
// the answer goes to its ResponseURL. Anything else, nothing at all included, is a
// person's, who reads the result; an error becomes the function's error.
func (f *Function) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	ctx, cancel := keepFree(ctx, answerWithin)
	defer cancel()
	var event cfn.Event
	if len(bytes.TrimSpace(payload)) > 0 {
		if err := json.Unmarshal(payload, &event); err != nil {
			return nil, fmt.Errorf("could not read the payload: %w; invoke the function without one to run the connection again", err)
		}
	}
	if result.AsksToLook(payload) {
		return f.look(ctx)
	}
	if event.RequestType == "" {
		return f.byHand(ctx)
	}
	if event.ResponseURL == "" {
		return nil, fmt.Errorf("the payload has the RequestType %q but no ResponseURL, so it is not a CloudFormation request; invoke "+
			"the function without a payload to run the connection again", event.RequestType)
	}
	return nil, f.customResource(ctx, event)
}

// keepFree ends ctx so much before its deadline.
func keepFree(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, deadline.Add(-d))
}

func (f *Function) byHand(ctx context.Context) ([]byte, error) {
	connected, err := f.connect(ctx, f.Default)
	if err != nil {
		return nil, err
	}
	answer, err := json.MarshalIndent(connected, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("could not encode the result: %w", err)
	}
	return append(answer, '\n'), nil
}

// connect runs the connection and logs the result. It says so when it is the
// function's time that was too short.
func (f *Function) connect(ctx context.Context, target Target) (result.Connection, error) {
	started := f.Connector.Now()
	connected, err := f.Connector.Connect(ctx, target)
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = fmt.Errorf("timeout: %w; invoke the function again; if it fails again, raise its timeout "+
			"(its last %s are reserved for the response)", err, answerWithin)
	}
	if err != nil {
		f.Logger.Error("not connected", "err", err)
	}
	f.log(connected, err, started)
	return connected, err
}

// log adds the line that 'parascope status' reads. A run that is not logged is none that
// failed.
func (f *Function) log(connected result.Connection, failed error, started time.Time) {
	run := result.Run{Connection: connected, Outcome: result.Connected, Started: started.UTC(), Finished: f.Connector.Now().UTC()}
	if failed != nil {
		run.Outcome, run.Error = result.Failed, failed.Error()
	}
	line, err := run.Line()
	if err == nil {
		_, err = f.Results.Write(line)
	}
	if err != nil {
		f.Logger.Warn("could not log the result", "err", err)
	}
}

// customResource does what CloudFormation asks and answers it, whatever happens.
func (f *Function) customResource(ctx context.Context, event cfn.Event) error {
	a := f.answer(ctx, event)
	// The answer goes out in the time that was kept free, when ctx has ended.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerWithin/3)
	defer cancel()
	if err := a.send(ctx, f.HTTP, event.ResponseURL); err != nil {
		return fmt.Errorf("could not send the response to CloudFormation for %s of %s: %w", event.RequestType, event.LogicalResourceID, err)
	}
	f.Logger.Info("sent the response to CloudFormation", "request", event.RequestType, "status", a.Status, "reason", a.Reason)
	return nil
}

func (f *Function) answer(ctx context.Context, event cfn.Event) (a answer) {
	a = answerTo(event)
	defer func() {
		if p := recover(); p != nil {
			a.fail(fmt.Errorf("the setup function panicked: %v", p))
		}
	}()
	target := f.target(event)
	if event.RequestType == cfn.RequestDelete {
		// There is nothing to take out of a Grafana that is about to go, and what
		// never was is gone already: only what a killed run left is cleaned up.
		if err := f.Connector.deleteLeftovers(ctx, target.GrafanaWorkspaceID); err != nil {
			f.Logger.Warn("could not delete a Grafana service account; deleting the workspace deletes the account", "err", err)
		}
		return a
	}
	a.PhysicalResourceID = "grafana-datasource-of-" + target.GrafanaWorkspaceID
	connected, err := f.connect(ctx, target)
	if err != nil {
		a.fail(err)
		return a
	}
	a.succeed(connected)
	return a
}

// target is what the resource's properties name, and the function's own
// environment where they name nothing.
func (f *Function) target(event cfn.Event) Target {
	t := f.Default
	if id, ok := event.ResourceProperties["GrafanaWorkspaceId"].(string); ok && id != "" {
		t.GrafanaWorkspaceID = id
	}
	if id, ok := event.ResourceProperties["PrometheusWorkspaceId"].(string); ok && id != "" {
		t.PrometheusWorkspaceID = id
	}
	return t
}
