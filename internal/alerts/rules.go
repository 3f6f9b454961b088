package alerts

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/amp"

	"github.com/parascope/parascope/internal/alerts/namespace"
	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/rules"
)

// poll is the time between two looks at what AMP changes; its control plane takes ten
// requests a second of a region.
const poll = time.Second

// WriteRules makes the workspace's rules those of this program. The error names what AMP
// refused; the outcomes are there beside it.
func WriteRules(ctx context.Context, cfg aws.Config, workspaceID string) ([]namespace.Outcome, error) {
	files, err := namespace.Files(rules.Groups())
	if err != nil {
		return nil, err
	}
	done, err := namespace.Writer{Client: sdk.NewFromConfig(cfg), WorkspaceID: workspaceID, Poll: poll}.Write(ctx, files)
	if err != nil {
		return nil, awserr.Explain("write the alert rules", err, awserr.Next{Denied: awserr.WhoAsks})
	}
	if err := namespace.Err(done); err != nil {
		return done, hint.New(hint.Failure, errors.New("some alert rules were not written: "+err.Error()),
			"the rules that these namespaces had before are still evaluated; 'parascope alerts rules apply' tries again")
	}
	return done, nil
}
