package awserr

import (
	"context"
	"regexp"

	"github.com/aws/smithy-go/middleware"
)

// canonical is where AWS, refusing a signature, begins to repeat the request that
// it understood: with the session token, where the credentials are temporary. In
// JSON the line breaks before it are still written as \n.
var canonical = regexp.MustCompile(`(?s)(?:\s|\\n)*The Canonical String for this request should have been.*`)

// token finds session tokens wherever else they stand: in a header, an encoded
// header or a presigned URL.
var token = regexp.MustCompile(`(?i)(x-amz-security-token["']?(?:\s*[:=]|%3A|%3D)\s*["']?)[^\s"'&;,\\]+`)

// Public is what may be shown and logged of a text of AWS's, or of a service that
// repeats one. What it leaves out are secrets.
func Public(text string) string {
	return token.ReplaceAllString(canonical.ReplaceAllString(text, ""), "${1}(left out)")
}

// Guard is an API option for an aws.Config: whatever its clients return as an error
// says only what is Public, also where nobody explains it.
func Guard(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("PublicErrors", func(
		ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
	) (middleware.InitializeOutput, middleware.Metadata, error) {
		out, metadata, err := next.HandleInitialize(ctx, in)
		return out, metadata, guard(err)
	}), middleware.Before)
}

// guard hides what is not public in the text of err, and nothing else of it.
func guard(err error) error {
	if err == nil || Public(err.Error()) == err.Error() {
		return err
	}
	return guarded{err}
}

type guarded struct{ err error }

func (g guarded) Error() string { return Public(g.err.Error()) }
func (g guarded) Unwrap() error { return g.err }
