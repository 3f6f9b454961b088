package awsside

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/parascope/parascope/internal/doctor"
)

// mostSkew is how far a clock may be off: AWS refuses signatures of 5 minutes and more, and
// a sample of the future is refused before.
const mostSkew = time.Minute

// checkClock compares this machine's clock with the time in an answer of AWS.
func checkClock(ctx context.Context, e *Env) Finding {
	var said time.Time
	keep := func(stack *middleware.Stack) error {
		return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("DateOfTheAnswer",
			func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput,
				middleware.Metadata, error) {
				out, metadata, err := next.HandleDeserialize(ctx, in)
				if r, ok := out.RawResponse.(*smithyhttp.Response); ok {
					said, _ = http.ParseTime(r.Header.Get("Date")) // the zero time: it does not say
				}
				return out, metadata, err
			}), middleware.After)
	}
	_, err := sts.NewFromConfig(e.Config).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{},
		func(o *sts.Options) {
			o.APIOptions = append(append([]func(*middleware.Stack) error{}, o.APIOptions...), keep)
		})
	if said.IsZero() {
		if err != nil {
			return doctor.Unsure("the time of AWS could not be read", "see check caller")
		}
		return doctor.Unsure("AWS' response has no Date header", "")
	}
	skew := e.Now().Sub(said)
	if skew.Abs() > mostSkew {
		return doctor.Fault(fmt.Sprintf("this machine's clock is wrong by %s; AWS refuses requests that are signed with a wrong time",
			skew.Round(time.Second)),
			"set the clock: 'timedatectl set-ntp true', or 'chronyc makestep'")
	}
	return doctor.Good(fmt.Sprintf("within %s of AWS", mostSkew))
}
