package deploy

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/parascope/parascope/internal/artifact"
	"github.com/parascope/parascope/internal/awserr"
)

// Deployed is the code of a stack's setup function, as Lambda has it, beside that of
// the function that this program carries.
type Deployed struct {
	CodeSha256   string `json:"codeSha256"` // of the zip file, base64: as Lambda's API has it
	Carried      string `json:"carriedSha256"`
	Architecture string `json:"architecture"`
	Current      bool   `json:"current"` // they are the same
}

// CompareFunction asks Lambda for the code of the stack's setup function.
func CompareFunction(ctx context.Context, cfg aws.Config, t Target) (Deployed, error) {
	name := FunctionName(t.StackName)
	out, err := lambda.NewFromConfig(cfg).GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: &name})
	if err != nil {
		return Deployed{}, awserr.Explain("describe "+name, err, awserr.Next{Denied: deniedBy})
	}
	architecture := artifact.X8664 // what Lambda does not name is the older one
	if len(out.Architectures) > 0 {
		architecture = artifact.Architecture(out.Architectures[0])
	}
	d := Deployed{CodeSha256: aws.ToString(out.CodeSha256), Architecture: string(architecture)}
	carried, err := artifact.LoadFunction(architecture)
	if err != nil {
		return d, fmt.Errorf("could not compare %s with this program's version: %w", name, err)
	}
	d.Carried = carried.CodeSha256()
	d.Current = d.CodeSha256 == d.Carried
	return d, nil
}

// Describe says what the comparison means.
func (d Deployed) Describe(t Target) string {
	if d.Current {
		return "same version as this program"
	}
	return fmt.Sprintf("the deployed code (sha256 %s) differs from this program's (%s): another version of parascope deployed it, "+
		"or its code was changed manually; '%s' "+
		"deploys this version", d.CodeSha256, d.Carried, t.Command("up"))
}

// warnOfFunction is what whoever runs the function should know of its code; "" where
// there is nothing, or no function.
func warnOfFunction(ctx context.Context, cfg aws.Config, t Target) string {
	d, err := CompareFunction(ctx, cfg, t)
	if _, missing := errors.AsType[*lambdatypes.ResourceNotFoundException](err); missing || d.Current {
		return ""
	}
	if err != nil {
		return "the setup function could not be compared with this program's version: " + err.Error()
	}
	return "the setup function: " + d.Describe(t)
}
