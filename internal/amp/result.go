package amp

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/prometheus/common/model"

	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/hint"
)

// Result is what a query came to.
type Result struct {
	Value    model.Value     // model.Vector, model.Matrix, *model.Scalar or *model.String
	Warnings []string        // warnings first, then the notes that Prometheus calls infos
	Raw      json.RawMessage // the answer as it came
}

// Empty reports whether no series answered.
func (r Result) Empty() bool {
	switch v := r.Value.(type) {
	case model.Vector:
		return len(v) == 0
	case model.Matrix:
		return len(v) == 0
	}
	return r.Value == nil
}

// answer is the envelope of Prometheus' HTTP API. Message is what AWS writes
// instead, in either case, when it refuses before Prometheus is asked.
type answer struct {
	Status    string `json:"status"`
	ErrorType string `json:"errorType"`
	Error     string `json:"error"`
	Message   string `json:"message"`
	Data      struct {
		ResultType string          `json:"resultType"`
		Result     json.RawMessage `json:"result"`
	} `json:"data"`
	Warnings []string `json:"warnings"`
	Infos    []string `json:"infos"`
}

// decode reads the answer to a query.
func decode(status int, body []byte) (Result, error) {
	var a answer
	err := json.Unmarshal(body, &a)
	if status/100 != 2 || a.Status == "error" {
		return Result{}, refusal(status, a, body)
	}
	if err != nil || a.Status != "success" {
		return Result{}, fmt.Errorf("the response is not from a Prometheus API (HTTP %d): %s", status, awserr.Public(excerpt(body)))
	}
	value, err := decodeValue(a.Data.ResultType, a.Data.Result)
	if err != nil {
		return Result{}, fmt.Errorf("could not decode the %s in the response: %w", a.Data.ResultType, err)
	}
	return Result{Value: value, Warnings: append(a.Warnings, a.Infos...), Raw: body}, nil
}

func decodeValue(kind string, raw json.RawMessage) (model.Value, error) {
	switch kind {
	case "vector":
		return decodeAs[model.Vector](raw, func(v model.Vector) bool { return slices.Contains(v, nil) })
	case "matrix":
		return decodeAs[model.Matrix](raw, func(v model.Matrix) bool { return slices.ContainsFunc(v, incomplete) })
	case "scalar":
		return decodeAs[*model.Scalar](raw, func(v *model.Scalar) bool { return v == nil })
	case "string":
		return decodeAs[*model.String](raw, func(v *model.String) bool { return v == nil })
	}
	return nil, fmt.Errorf("unknown result type %q", kind)
}

// decodeAs decodes one kind of value. The model's own decoder takes JSON's null
// for anything, and its values then panic when they are printed.
func decodeAs[V model.Value](raw json.RawMessage, hasNull func(V) bool) (model.Value, error) {
	var v V
	if err := json.Unmarshal(raw, &v); err != nil {
		return nil, err
	}
	if hasNull(v) {
		return nil, errors.New("the response has null instead of a series or a value")
	}
	return v, nil
}

func incomplete(series *model.SampleStream) bool {
	return series == nil || slices.ContainsFunc(series.Histograms, func(h model.SampleHistogramPair) bool { return h.Histogram == nil })
}

// refusal turns an error answer into an error with the exit code of its kind.
func refusal(status int, a answer, body []byte) error {
	var said string
	switch {
	case a.Error != "":
		said = fmt.Sprintf("%s: %s", a.ErrorType, a.Error)
	case a.Message != "":
		said = fmt.Sprintf("HTTP %d: %s", status, a.Message)
	default:
		said = fmt.Sprintf("HTTP %d %s: %s", status, http.StatusText(status), excerpt(body))
	}
	err := errors.New(awserr.Public(said))
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return hint.New(hint.Denied, err, denied)
	case status == http.StatusNotFound:
		return hint.New(hint.NotFound, err, "check the workspace ID; 'aws amp list-workspaces' lists the workspaces")
	case a.ErrorType == "bad_data":
		return hint.New(hint.BadInput, err, "correct the expression, the time or the step")
	case status == http.StatusUnprocessableEntity:
		return hint.New(hint.BadInput, err, "correct the expression, or reduce the query: fewer series, a shorter range or a longer step")
	case status == http.StatusTooManyRequests:
		return hint.New(hint.Failure, err, "wait, then run the query again")
	}
	return err
}

// excerpt is the beginning of an unexpected body, enough to recognise a proxy's
// page by.
func excerpt(body []byte) string {
	const most = 200
	s := strings.ToValidUTF8(strings.TrimSpace(string(body[:min(len(body), most)])), "")
	if s == "" {
		return "(empty)"
	}
	if len(body) > most {
		s += "…"
	}
	return s
}

// ByLabel are the values of a vector by one of their labels; series without it
// are under "".
func (r Result) ByLabel(label string) (map[string]float64, error) {
	vector, ok := r.Value.(model.Vector)
	if !ok {
		return nil, fmt.Errorf("unexpected result type %s: expected a vector", r.Value.Type())
	}
	values := map[string]float64{}
	for _, s := range vector {
		values[string(s.Metric[model.LabelName(label)])] = float64(s.Value)
	}
	return values, nil
}
