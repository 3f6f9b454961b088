package faults

import (
	"net/http"
	"strconv"
	"time"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/sigv4"
)

// Kinds that other code names.
const (
	expired     = "expired"
	throttled   = "throttled"
	unavailable = "unavailable"
	refuse      = "refuse"
	slow        = "slow"
)

// serve is an operation of the gateway.
type serve func(http.ResponseWriter, *gateway.Request) error

// kind is a way to fail. The answer is made in place of the operation's own, or
// around it.
type kind struct {
	name       string
	everywhere bool // on any service's API, not on the data plane alone
	answer     func(f Fault, cleared <-chan struct{}, inner serve) serve
	rule       gateway.Rule
}

// kinds are all ways to fail, in the order of the documentation.
func kinds() []kind {
	const troubleshooting = "AMP user guide, troubleshooting"
	return []kind{
		{expired, true, expire, gateway.Rule{
			Text: "`expired`: 403 `The security token included in the request is expired`; on a service's API it affects only sessions, " +
				"and only those that began before the fault", Basis: gateway.Assumed,
			Source: "the response of AWS services to an expired session; not observed from AMP's data plane"}},
		{"unauthorized", false, says(http.StatusUnauthorized, "", "Unauthorized"), gateway.Rule{
			Text: "`unauthorized`: 401", Basis: gateway.Assumed, Source: "no source found for this response of AMP; gateways between " +
				"client and AMP can return it"}},
		{"not-found", false, says(http.StatusNotFound, "", "Workspace not found"), gateway.Rule{
			Text: "`not-found`: 404, as for a workspace that was deleted", Basis: gateway.Assumed, Source: "no source found; see the rules " +
				"of the data plane"}},
		{throttled, false, says(http.StatusTooManyRequests, "", "Rate exceeded"), gateway.Rule{
			Text: "`throttled`: 429 `Rate exceeded`, with Retry-After if requested", Basis: gateway.Confirmed,
			Source: troubleshooting + " (it is assumed that AMP's data plane sends Retry-After)"}},
		{"error", false, says(http.StatusInternalServerError, "", "Internal server error"), gateway.Rule{
			Text: "`error`: 500", Basis: gateway.Inferred, Source: "InternalServerException in the SDK's model of the service"}},
		{unavailable, false, says(http.StatusServiceUnavailable, "", "Service Unavailable"), gateway.Rule{
			Text: "`unavailable`: 503, with Retry-After if requested", Basis: gateway.Assumed,
			Source: "no source was found; load balancers return this status"}},
		{refuse, false, refuseSome, gateway.Rule{
			Text: "`refuse`: the given number of samples of each request is refused, the others are stored, and the response is 400 " +
				"`out-of-order sample` for the first refused sample", Basis: gateway.Inferred,
			Source: "behaviour of Cortex, which AMP is built on (cortexproject/cortex#2662); " + troubleshooting + " (error text)"}},
		{"hang", true, hang, gateway.Rule{
			Text: "`hang`: the request is read and no response is sent until the fault ends; then the connection is cut", Basis: gateway.Assumed,
			Source: "simulates a network failure, not a response of AMP"}},
		{"reset", true, reset, gateway.Rule{
			Text: "`reset`: the request is read and the connection is reset", Basis: gateway.Assumed,
			Source: "simulates a network failure, not a response of AMP"}},
		{slow, true, delay, gateway.Rule{
			Text: "`slow`: the normal response is delayed by the given time", Basis: gateway.Assumed,
			Source: "simulates a network failure, not a response of AMP"}},
	}
}

func names() []string {
	var out []string
	for _, k := range kinds() {
		out = append(out, k.name)
	}
	return out
}

// says answers with an error of the gateway.
func says(status int, code, message string) func(Fault, <-chan struct{}, serve) serve {
	return func(f Fault, _ <-chan struct{}, _ serve) serve {
		return func(http.ResponseWriter, *gateway.Request) error {
			err := &gateway.Error{Status: status, Code: code, Message: message, Header: http.Header{}}
			if f.RetryAfterSeconds > 0 {
				err.Header.Set("Retry-After", strconv.Itoa(f.RetryAfterSeconds))
			}
			return err
		}
	}
}

// expire answers as the gateway does to a session that is over.
func expire(Fault, <-chan struct{}, serve) serve {
	return func(http.ResponseWriter, *gateway.Request) error {
		return &sigv4.Failure{Kind: sigv4.TokenExpired, Message: "The security token included in the request is expired"}
	}
}

// hang keeps the sender waiting until it gives up or the fault ends.
func hang(f Fault, cleared <-chan struct{}, _ serve) serve {
	return func(w http.ResponseWriter, r *gateway.Request) error {
		var over <-chan time.Time // for ever, unless the fault has an end
		if !f.Until.IsZero() {
			timer := time.NewTimer(f.Until.Sub(r.Now))
			defer timer.Stop()
			over = timer.C
		}
		select {
		case <-r.Context().Done():
		case <-cleared:
		case <-over:
		}
		return cut(w, false)
	}
}

func reset(Fault, <-chan struct{}, serve) serve {
	return func(w http.ResponseWriter, _ *gateway.Request) error { return cut(w, true) }
}

// delay lets the operation answer later.
func delay(f Fault, cleared <-chan struct{}, inner serve) serve {
	return func(w http.ResponseWriter, r *gateway.Request) error {
		timer := time.NewTimer(time.Duration(f.DelaySeconds * float64(time.Second)))
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-cleared:
		case <-r.Context().Done():
			return cut(w, false) // nobody is left to answer
		}
		return inner(w, r)
	}
}
