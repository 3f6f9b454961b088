package awsside

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/parascope/parascope/internal/amp"
	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/internal/hint"
)

// checkQuery asks the workspace for a number. A refusal is this caller's trouble, and leaves
// open whether others can ask.
func checkQuery(ctx context.Context, e *Env) Finding {
	if e.endpoint == "" {
		return skipWithout(e, noPrometheus)
	}
	client, err := amp.NewQueryClient(e.Config, e.endpoint)
	if err == nil {
		_, err = client.Query(ctx, "vector(1)", time.Time{})
	}
	switch code := hint.CodeOf(err); {
	case err == nil:
		return doctor.Good("").Keeping(func() { e.queries = client })
	case code == hint.Denied:
		return doctor.Unasked(err)
	case ctx.Err() != nil:
		return doctor.Unasked(ctx.Err())
	case unanswered(err):
		return doctor.Unasked(err)
	}
	return doctor.Fault(err.Error(), hint.Next(err))
}

// unanswered reports whether no answer came to a request: that is this machine's network, or AWS'.
func unanswered(err error) bool {
	_, none := errors.AsType[*url.Error](err)
	return none
}
