package lambda

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/principal"
)

// Bounds and defaults of a function's settings.
const (
	defaultTimeout = 3 // seconds
	maxTimeout     = 900
	defaultMemory  = 128 // MB
	maxMemory      = 10240
	defaultStorage = 512 // MB
	maxEnvironment = 4096
)

var (
	namePattern = regexp.MustCompile(`^[a-zA-Z0-9-_]{1,64}$`)
	rolePattern = regexp.MustCompile(`^arn:aws[a-zA-Z-]*:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+$`)
	keyPattern  = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_]+$`)
)

// runtimes are those whose process is the function's own bootstrap.
func runtimes() []string { return []string{"provided.al2023", "provided.al2"} }

// reserved are the variables that Lambda sets itself.
func reserved() []string {
	return []string{
		"_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_NAME",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME",
		"AWS_LAMBDA_LOG_STREAM_NAME", "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
		"AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR",
	}
}

// outside is Lambda's answer to a parameter outside its constraints.
func outside(member string, value any, constraint string) error {
	return refuse(400, "ValidationException",
		"1 validation error detected: Value '"+fmt.Sprint(value)+"' at '"+member+"' failed to satisfy constraint: "+constraint, "User")
}

// check refuses settings that AWS, or this cloud, cannot run.
func (f *function) check() error {
	switch {
	case !namePattern.MatchString(f.Name):
		return outside("functionName", f.Name,
			"Member must satisfy regular expression pattern: [a-zA-Z0-9-_]+ and have length less than or equal to 64")
	case !rolePattern.MatchString(f.Role):
		return outside("role", f.Role, `Member must satisfy regular expression pattern: arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+`)
	case !slices.Contains(runtimes(), f.Runtime):
		return invalid("The runtime parameter of %s is not supported: parascope local runs %s; see docs/local-cloud.md", f.Runtime,
			strings.Join(runtimes(), " and "))
	case f.Handler == "":
		return invalid("Runtime and Handler are mandatory parameters for functions created with deployment packages.")
	case f.Timeout < 1 || f.Timeout > maxTimeout:
		return outside("timeout", f.Timeout, "Member must have value between 1 and 900")
	case f.MemorySize < defaultMemory || f.MemorySize > maxMemory:
		return outside("memorySize", f.MemorySize, "Member must have value between 128 and 10240")
	case f.Storage < defaultStorage || f.Storage > maxMemory:
		return outside("ephemeralStorage.size", f.Storage, "Member must have value between 512 and 10240")
	case f.Architecture != "x86_64" && f.Architecture != "arm64":
		return outside("architectures", f.Architecture, "Member must satisfy enum value set: [x86_64, arm64]")
	}
	return checkEnvironment(f.Environment)
}

func checkEnvironment(variables map[string]string) error {
	const unable = "Lambda was unable to configure your environment variables because the environment variables you have provided "
	size := 0
	for key, value := range variables {
		size += len(key) + len(value)
		switch {
		case slices.Contains(reserved(), key):
			return invalid(unable+"contains reserved keys that are currently not supported for modification. Reserved keys used in this request: %s",
				key)
		case !keyPattern.MatchString(key):
			return outside("environment.variables", key,
				"Map keys must satisfy constraint: [Member must satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+]")
		}
	}
	if size > maxEnvironment {
		return invalid(unable + "exceeded the 4KB limit.")
	}
	return nil
}

// passRole checks that the caller may give the function its role, and that the
// role lets Lambda have it.
func (l *Lambda) passRole(r *gateway.Request, f *function) error {
	err := r.Authorize("iam:PassRole", f.Role, map[string][]string{"iam:PassedToService": {"lambda.amazonaws.com"},
		"iam:AssociatedResourceArn": {f.arn()}})
	if err != nil {
		return err
	}
	_, err = l.assume(f)
	if _, refused := errors.AsType[*gateway.Error](err); refused {
		return invalid("The role defined for the function cannot be assumed by Lambda.")
	}
	return err
}

// sessionLifetime is more than an environment lives.
const sessionLifetime = 12 * time.Hour

// assume takes the function's role, for a session that has the function's name.
func (l *Lambda) assume(f *function) (principal.AccessKey, error) {
	keys := map[string][]string{"aws:SourceAccount": {principal.Account}, "aws:SourceArn": {f.arn()}}
	return l.opts.AssumeRole(f.Role, "lambda.amazonaws.com", f.Name, keys, sessionLifetime)
}
