package lambda

import (
	"net/http"

	"github.com/parascope/parascope/localaws/gateway"
)

// Sources of the rules below, named once.
const (
	reference = "Lambda API reference"
	guide     = "Lambda developer guide"
)

// Service is Lambda for the gateway.
func (l *Lambda) Service() gateway.Service {
	return gateway.Service{
		Name: "lambda", Title: "AWS Lambda", SigningName: "lambda", Version: "2015-03-31", Protocol: gateway.RESTJSON,
		Operations: gateway.RequireActions("lambda", resource, append(l.operations(), unserved()...)),
		Rules: []gateway.Rule{
			{Text: "an execution environment is a process of the archive's `bootstrap` on this machine, in a process group of its own, with the " +
				"role's temporary credentials; it runs one invocation at a time and is reused for a minute", Basis: gateway.Inferred,
				Source: guide + ", execution environment and custom runtimes (AWS decides how long it keeps an environment)"},
			{Text: "a function has Lambda's environment variables and AWS_ENDPOINT_URL, which AWS does not set", Basis: gateway.Confirmed,
				Source: guide + ", defined runtime environment variables"},
			{Text: "functions use this machine's memory, /tmp and file system without limits; at most 50 environments run at once",
				Basis:  gateway.Assumed,
				Source: "a simplification of the local cloud"},
			{Text: "a bootstrap that is built for another architecture than the function's fails with Runtime.InvalidEntrypoint `fork/exec " +
				"/var/task/bootstrap: exec " +
				"format error`", Basis: gateway.Confirmed, Source: "awsdocs/aws-lambda-developer-guide#460"},
			{Text: "a function with another architecture than this machine's fails with the same error; AWS runs the " +
				"function", Basis: gateway.Assumed,
				Source: "a simplification of the local cloud"},
			{Text: "a process that exits is reported as Runtime.ExitError, a bootstrap that cannot be executed as " +
				"Runtime.InvalidEntrypoint, and a timeout as Sandbox.Timedout `Task timed out after 3.00 seconds`; the response is 200 with " +
				"X-Amz-Function-Error, and the environment is not reused",
				Basis: gateway.Confirmed, Source: "AWS's responses as reported by users; aws-lambda-runtime-interface-emulator"},
			{Text: "the log is written with the permissions of the function's role; CreateLogStream is required, and CreateLogGroup if the " +
				"log group does not exist; without these permissions nothing is logged", Basis: gateway.Confirmed, Source: guide + ", sending " +
				"logs to CloudWatch"},
			{Text: "resource policies are stored and not evaluated; all callers belong to the account", Basis: gateway.Assumed,
				Source: "a simplification of the local cloud"},
		},
	}
}

func (l *Lambda) operations() []gateway.Operation {
	const (
		get, put, post, del = http.MethodGet, http.MethodPut, http.MethodPost, http.MethodDelete
		functions           = "/2015-03-31/functions"
		fn                  = functions + "/{FunctionName}"
		tags                = "/2017-03-31/tags/{ARN}"
	)
	all := func(*gateway.Request) []string { return []string{"*"} }
	return []gateway.Operation{
		{Name: "CreateFunction", Method: post, Path: functions, Serve: l.createFunction, Resources: newResource, Rules: []gateway.Rule{
			{Text: "the runtimes are provided.al2023 and provided.al2; other runtimes, images, published versions and JSON logs are " +
				"refused with 400 InvalidParameterValueException", Basis: gateway.Assumed, Source: "a simplification of the local cloud"},
			{Text: "unpacked code has up to 262144000 bytes, and up to 65,535 files and folders with names of up to 1024 bytes; links, " +
				"and a name of two files or of a file and a folder, are refused with 400 InvalidParameterValueException", Basis: gateway.Assumed,
				Source: guide + ", quotas (the limits of files and names are limits of the local cloud)"},
			{Text: "the timeout is 1 to 900 s (default 3), the memory 128 to 10240 MB (default 128); variables have up to 4 KB and no names " +
				"that Lambda reserves", Basis: gateway.Confirmed,
				Source: reference + ", CreateFunction; " + guide + ", quotas"},
			{Text: "the caller needs iam:PassRole for the role; a role whose trust policy does not name lambda.amazonaws.com is refused " +
				"with 400 `The role " +
				"defined for the function cannot be assumed by Lambda.`", Basis: gateway.Confirmed, Source: "AWS's responses as reported by users"},
			{Text: "code in S3 is read with the permissions of the caller, from a bucket of the region; the error message includes the " +
				"error of S3", Basis: gateway.Confirmed,
				Source: "AWS's responses as reported by users"},
			{Text: "the function is Pending, then Active by the local cloud's clock; until then invocations and changes are refused with " +
				"409 ResourceConflictException",
				Basis: gateway.Confirmed, Source: guide + ", function states"},
			{Text: "VPC, layers, tracing, SnapStart and dead-letter settings are ignored", Basis: gateway.Assumed,
				Source: "a simplification of the local cloud"},
		}},
		{Name: "GetFunction", Method: get, Path: fn, Serve: l.getFunction, Rules: []gateway.Rule{
			{Text: "tags are returned only with the permission lambda:ListTags", Basis: gateway.Confirmed, Source: reference + ", GetFunction"},
			{Text: "the field Code has no Location, so the code cannot be downloaded", Basis: gateway.Assumed, Source: "a simplification of " +
				"the local cloud"},
		}},
		{Name: "GetFunctionConfiguration", Method: get, Path: fn + "/configuration", Serve: l.getFunctionConfiguration},
		{Name: "UpdateFunctionCode", Method: put, Path: fn + "/code", Serve: l.updateFunctionCode},
		{Name: "UpdateFunctionConfiguration", Method: put, Path: fn + "/configuration", Serve: l.updateFunctionConfiguration,
			Rules: []gateway.Rule{
				{Text: "a change takes effect at the next invocation; LastUpdateStatus is Successful immediately", Basis: gateway.Assumed,
					Source: "a simplification of the local cloud: on AWS, LastUpdateStatus is InProgress for some seconds"},
			}},
		{Name: "DeleteFunction", Method: del, Path: fn, Serve: l.deleteFunction},
		{Name: "ListFunctions", Method: get, Path: functions, Serve: l.listFunctions, Resources: all},
		{Name: "ListFunctions (older clients)", Method: get, Path: functions + "/", Serve: l.listFunctions, Resources: all},
		{Name: "Invoke", Method: post, Path: fn + "/invocations", Serve: l.invoke, Action: "lambda:InvokeFunction", Rules: []gateway.Rule{
			{Text: "without a payload, the function receives `{}`", Basis: gateway.Confirmed, Source: "aws/aws-lambda-dotnet#834, which " +
				"describes " +
				"the service's behaviour"},
			{Text: "a payload is JSON of up to 6 MB, or up to 1 MB for an invocation of type Event; a response has up to 6 " +
				"MB", Basis: gateway.Confirmed,
				Source: guide + ", quotas"},
			{Text: "LogType Tail returns the last 4 KB of the log", Basis: gateway.Confirmed, Source: reference + ", Invoke"},
			{Text: "an invocation of type Event returns 202; a failed event is retried after one minute and again after two minutes; " +
				"events are kept during a restart of the " +
				"local cloud, and may be delivered again", Basis: gateway.Confirmed,
				Source: guide + ", asynchronous invocation (it documents delivery " +
					"at least once)"},
			{Text: "the initialization has its own timeout of 10 s, before the function's timeout starts", Basis: gateway.Inferred,
				Source: guide + ", execution environment (AWS repeats the initialization after the timeout)"},
		}},
		{Name: "AddPermission", Method: post, Path: fn + "/policy", Serve: l.addPermission},
		{Name: "RemovePermission", Method: del, Path: fn + "/policy/{StatementId}", Serve: l.removePermission},
		{Name: "GetPolicy", Method: get, Path: fn + "/policy", Serve: l.getPolicy},
		{Name: "ListTags", Method: get, Path: tags, Serve: l.listTags},
		{Name: "TagResource", Method: post, Path: tags, Serve: l.tagResource},
		{Name: "UntagResource", Method: del, Path: tags, Serve: l.untagResource},
	}
}

// unserved are the operations that are known by name only.
func unserved() []gateway.Operation {
	const (
		get, put, post, del = http.MethodGet, http.MethodPut, http.MethodPost, http.MethodDelete
		fn                  = "/2015-03-31/functions/{FunctionName}"
	)
	return []gateway.Operation{
		{Name: "CreateAlias", Method: post, Path: fn + "/aliases"},
		{Name: "ListAliases", Method: get, Path: fn + "/aliases"},
		{Name: "GetAlias", Method: get, Path: fn + "/aliases/{Name}"},
		{Name: "UpdateAlias", Method: put, Path: fn + "/aliases/{Name}"},
		{Name: "DeleteAlias", Method: del, Path: fn + "/aliases/{Name}"},
		{Name: "PublishVersion", Method: post, Path: fn + "/versions"},
		{Name: "ListVersionsByFunction", Method: get, Path: fn + "/versions"},
		{Name: "InvokeAsync", Method: post, Path: "/2014-11-13/functions/{FunctionName}/invoke-async"},
		{Name: "InvokeWithResponseStream", Method: post, Path: "/2021-11-15/functions/{FunctionName}/response-streaming-invocations"},
		{Name: "PutFunctionConcurrency", Method: put, Path: "/2017-10-31/functions/{FunctionName}/concurrency"},
		{Name: "DeleteFunctionConcurrency", Method: del, Path: "/2017-10-31/functions/{FunctionName}/concurrency"},
		{Name: "GetFunctionConcurrency", Method: get, Path: "/2019-09-30/functions/{FunctionName}/concurrency"},
		{Name: "GetFunctionCodeSigningConfig", Method: get, Path: "/2020-06-30/functions/{FunctionName}/code-signing-config"},
		{Name: "GetRuntimeManagementConfig", Method: get, Path: "/2021-07-20/functions/{FunctionName}/runtime-management-config"},
		{Name: "PutFunctionEventInvokeConfig", Method: put, Path: "/2019-09-25/functions/{FunctionName}/event-invoke-config"},
		{Name: "GetFunctionEventInvokeConfig", Method: get, Path: "/2019-09-25/functions/{FunctionName}/event-invoke-config"},
		{Name: "CreateFunctionUrlConfig", Method: post, Path: "/2021-10-31/functions/{FunctionName}/url"},
		{Name: "GetFunctionUrlConfig", Method: get, Path: "/2021-10-31/functions/{FunctionName}/url"},
		{Name: "CreateEventSourceMapping", Method: post, Path: "/2015-03-31/event-source-mappings"},
		{Name: "ListEventSourceMappings", Method: get, Path: "/2015-03-31/event-source-mappings"},
		{Name: "ListLayers", Method: get, Path: "/2018-10-31/layers"},
		{Name: "PublishLayerVersion", Method: post, Path: "/2018-10-31/layers/{LayerName}/versions"},
		{Name: "GetAccountSettings", Method: get, Path: "/2016-08-19/account-settings"},
	}
}
