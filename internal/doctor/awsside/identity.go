package awsside

import (
	"context"

	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/internal/doctor/preflight"
	"github.com/parascope/parascope/internal/hint"
)

// checkIdentity is the preflight's check. The result is unknown without permission or without a response.
func checkIdentity(ctx context.Context, e *Env) Finding {
	if e.grafanaID == "" {
		return skipWithout(e, noGrafana)
	}
	found := preflight.Identity().Run(ctx, &e.preflight)
	if found.Status == doctor.Failed && hint.CodeOf(found.Err) != hint.NotFound {
		return doctor.Unasked(found.Err)
	}
	return found
}
