package preflight

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/doctor"
)

// checkCaller finds out who is asking.
func checkCaller(ctx context.Context, e *Env) Finding {
	who, err := sts.NewFromConfig(e.Config).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return doctor.Failure(awserr.Explain("identify the caller", err,
			awserr.Next{Denied: "'aws sso login' or 'aws configure'; for the local cloud: eval \"$(parascope local env)\""}))
	}
	return doctor.Good(aws.ToString(who.Arn) + " in " + e.Config.Region).Keeping(func() {
		e.Account, e.Caller = aws.ToString(who.Account), aws.ToString(who.Arn)
	})
}
