package lambda_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/parascope/parascope/localaws/lambda"
	"github.com/parascope/parascope/localaws/localtest/check"
)

func TestFunctionsRefused(t *testing.T) {
	c := start(t, t.TempDir(), nil)
	evil, err := archive("../../bootstrap", 0o755, []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		change     func(*sdk.CreateFunctionInput)
		code, says string
	}{
		"runtime": {func(in *sdk.CreateFunctionInput) {
			in.Runtime = types.RuntimePython312
		}, "InvalidParameterValueException", "runs provided.al2023 and provided.al2"},
		"timeout": {func(in *sdk.CreateFunctionInput) { in.Timeout = aws.Int32(901) }, "ValidationException", "'timeout'"},
		"memory":  {func(in *sdk.CreateFunctionInput) { in.MemorySize = aws.Int32(64) }, "ValidationException", "'memorySize'"},
		"role": {func(in *sdk.CreateFunctionInput) {
			in.Role = aws.String(stranger)
		}, "InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda."},
		"no role ARN": {func(in *sdk.CreateFunctionInput) { in.Role = aws.String("Function") }, "ValidationException", "'role'"},
		"name":        {func(in *sdk.CreateFunctionInput) { in.FunctionName = aws.String("a b") }, "ValidationException", "'functionName'"},
		"no zip": {func(in *sdk.CreateFunctionInput) {
			in.Code.ZipFile = []byte("x")
		}, "InvalidParameterValueException", "Could not unzip uploaded file"},
		"evil zip": {func(in *sdk.CreateFunctionInput) {
			in.Code.ZipFile = evil
		}, "InvalidParameterValueException", "Could not unzip uploaded file"},
		"no code": {func(in *sdk.CreateFunctionInput) {
			in.Code = &types.FunctionCode{}
		}, "InvalidParameterValueException", "Please provide a source"},
		"reserved": {func(in *sdk.CreateFunctionInput) {
			in.Environment = &types.Environment{Variables: map[string]string{"AWS_REGION": "x"}}
		}, "InvalidParameterValueException", "Reserved keys used in this request: AWS_REGION"},
		"variables": {func(in *sdk.CreateFunctionInput) {
			in.Environment = &types.Environment{Variables: map[string]string{"LONG": strings.Repeat("x", 4096)}}
		}, "InvalidParameterValueException", "4KB limit"},
	} {
		if _, err := c.client().CreateFunction(t.Context(), input(t, tc.change)); !isError(err, tc.code, tc.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c.deny("iam:PassRole")
	if _, err := c.client().CreateFunction(t.Context(), input(t, nil)); !isError(err, "AccessDeniedException",
		"is not authorized to perform: iam:PassRole on resource: "+role) {
		t.Errorf("without PassRole: %v", err)
	}
	c.deny()
	create(t, c, nil)
	if _, err := c.client().CreateFunction(t.Context(), input(t, nil)); !isError(err, "ResourceConflictException",
		"Function already exist: f") {
		t.Errorf("twice: %v", err)
	}
	if !slices.Contains(c.asked, "iam:PassRole "+role+" lambda.amazonaws.com") ||
		!slices.Contains(c.asked, "lambda:CreateFunction arn:aws:lambda:us-east-2:111122223333:function:f ") {
		t.Errorf("asked for %q", c.asked)
	}
}

func TestCodeFromABucket(t *testing.T) {
	c := start(t, t.TempDir(), nil)
	code, err := handler()
	if err != nil {
		t.Fatal(err)
	}
	bucket, key := aws.String("code"), aws.String("a b/f.zip")
	from := func(in *sdk.CreateFunctionInput) { in.Code = &types.FunctionCode{S3Bucket: bucket, S3Key: key} }
	if _, err := c.client().CreateFunction(t.Context(), input(t, from)); !isError(err, "InvalidParameterValueException",
		"Error occurred while GetObject. S3 Error Code: NoSuchBucket.") {
		t.Errorf("no bucket: %v", err)
	}
	if _, err := c.s3().CreateBucket(t.Context(),
		&awss3.CreateBucketInput{Bucket: bucket,
			CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: "us-east-2"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.client().CreateFunction(t.Context(), input(t, from)); !isError(err, "InvalidParameterValueException",
		"S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist.") {
		t.Errorf("no key: %v", err)
	}
	if _, err := c.s3().PutObject(t.Context(), &awss3.PutObjectInput{Bucket: bucket, Key: key, Body: strings.NewReader(string(code))}); err !=
		nil {
		t.Fatal(err)
	}
	c.deny("s3:GetObject")
	if _, err := c.client().CreateFunction(t.Context(), input(t, from)); !isError(err, "AccessDeniedException",
		"Your access has been denied by S3") {
		t.Errorf("no permission: %v", err)
	}
	c.deny()
	create(t, c, from)
	if got := decode(t, invoke(t, c, "").Payload); got.Count != 1 {
		t.Errorf("%+v", got)
	}
}

func TestChangesAreInForceAfterARestartToo(t *testing.T) {
	dir := t.TempDir()
	c := start(t, dir, nil)
	created := create(t, c, func(in *sdk.CreateFunctionInput) { in.Tags = map[string]string{"a": "b"} })
	if created.State != types.StateActive || *created.MemorySize != 128 || *created.LoggingConfig.LogGroup != "/aws/lambda/f" {
		t.Errorf("%+v", created)
	}
	first := decode(t, invoke(t, c, "").Payload)
	changed, err := c.client().UpdateFunctionConfiguration(t.Context(), &sdk.UpdateFunctionConfigurationInput{FunctionName: aws.String("f"),
		Timeout: aws.Int32(60)})
	if err != nil || *changed.Timeout != 60 || *changed.Handler != "bootstrap" || *changed.RevisionId == *created.RevisionId {
		t.Fatalf("%+v, %v", changed, err)
	}
	second := decode(t, invoke(t, c, "").Payload)
	if second.PID == first.PID || second.Left < 31 {
		t.Errorf("an environment of before the change: %+v after %+v", second, first)
	}
	_, err = c.client().UpdateFunctionConfiguration(t.Context(), &sdk.UpdateFunctionConfigurationInput{FunctionName: aws.String("f"),
		RevisionId: created.RevisionId})
	if !isError(err, "PreconditionFailedException", "Revision Id") {
		t.Errorf("an old revision: %v", err)
	}
	c.Stop()
	c = start(t, dir, nil)
	if third := decode(t, invoke(t, c, "").Payload); third.Count != 1 || third.Left < 31 {
		t.Errorf("after a restart: %+v", third)
	}
	broken, err := archive("main", 0o755, []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	code, err := c.client().UpdateFunctionCode(t.Context(), &sdk.UpdateFunctionCodeInput{FunctionName: aws.String("f"), ZipFile: broken})
	if err != nil || *code.CodeSha256 == *created.CodeSha256 {
		t.Fatalf("%+v, %v", code, err)
	}
	if out := invoke(t, c, ""); !strings.Contains(string(out.Payload), "Runtime.InvalidEntrypoint") {
		t.Errorf("new code: %s", out.Payload)
	}
	got, err := c.client().GetFunction(t.Context(), &sdk.GetFunctionInput{FunctionName: aws.String("f")})
	if err != nil || got.Tags["a"] != "b" || *got.Configuration.CodeSha256 != *code.CodeSha256 {
		t.Errorf("%+v, %v", got, err)
	}
	c.deny("lambda:ListTags")
	if got, err := c.client().GetFunction(t.Context(), &sdk.GetFunctionInput{FunctionName: aws.String("f")}); err != nil || len(got.Tags) > 0 {
		t.Errorf("tags for who may not list them: %+v, %v", got, err)
	}
}

func TestAFunctionIsPendingFirst(t *testing.T) {
	c := start(t, t.TempDir(), func(o *lambda.Options) { o.CreateDelay = time.Minute })
	if out := create(t, c, nil); out.State != types.StatePending || out.StateReasonCode != types.StateReasonCodeCreating {
		t.Errorf("%+v", out)
	}
	if _, err := c.client().Invoke(t.Context(), &sdk.InvokeInput{FunctionName: aws.String("f")}); !isError(err, "ResourceConflictException",
		"currently in the following state: Pending") {
		t.Errorf("%v", err)
	}
	c.Clock.Set(time.Minute)
	err := sdk.NewFunctionActiveV2Waiter(c.client(), func(o *sdk.FunctionActiveV2WaiterOptions) {
		o.MinDelay, o.MaxDelay = 50*time.Millisecond, 50*time.Millisecond
	}).
		Wait(t.Context(), &sdk.GetFunctionInput{FunctionName: aws.String("f")}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if out := invoke(t, c, ""); out.FunctionError != nil {
		t.Errorf("%s", out.Payload)
	}
}

func TestPermissionsTagsAndLists(t *testing.T) {
	c := start(t, t.TempDir(), nil)
	client, name := c.client(), aws.String("f")
	arn := create(t, c, nil).FunctionArn
	permission := &sdk.AddPermissionInput{FunctionName: name, StatementId: aws.String("s"), Action: aws.String("lambda:InvokeFunction"),
		Principal: aws.String("events.amazonaws.com"), SourceAccount: aws.String("111122223333")}
	if _, err := client.AddPermission(t.Context(), permission); err != nil {
		t.Fatal(err)
	}
	if _, err := client.AddPermission(t.Context(), permission); !isError(err, "ResourceConflictException", "already exists") {
		t.Errorf("twice: %v", err)
	}
	policy, err := client.GetPolicy(t.Context(), &sdk.GetPolicyInput{FunctionName: name})
	if err != nil || !strings.Contains(*policy.Policy, `"Principal":{"Service":"events.amazonaws.com"}`) {
		t.Errorf("%+v, %v", policy, err)
	}
	if _, err := client.RemovePermission(t.Context(),
		&sdk.RemovePermissionInput{FunctionName: name, StatementId: aws.String("s")}); err != nil {
		t.Error(err)
	}
	if _, err := client.GetPolicy(t.Context(), &sdk.GetPolicyInput{FunctionName: name}); !isError(err, "ResourceNotFoundException", "") {
		t.Errorf("no policy: %v", err)
	}
	if _, err := client.TagResource(t.Context(), &sdk.TagResourceInput{Resource: arn, Tags: map[string]string{"a": "b", "c": "d"}}); err !=
		nil {
		t.Error(err)
	}
	if _, err := client.UntagResource(t.Context(), &sdk.UntagResourceInput{Resource: arn, TagKeys: []string{"a"}}); err != nil {
		t.Error(err)
	}
	if tags, err := client.ListTags(t.Context(), &sdk.ListTagsInput{Resource: arn}); err != nil || len(tags.Tags) != 1 ||
		tags.Tags["c"] != "d" {
		t.Errorf("%+v, %v", tags, err)
	}
	create(t, c, func(in *sdk.CreateFunctionInput) { in.FunctionName = aws.String("g") })
	var names []string
	for pages := sdk.NewListFunctionsPaginator(client, &sdk.ListFunctionsInput{MaxItems: aws.Int32(1)}); pages.HasMorePages() &&
		len(names) < 5; {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range page.Functions {
			names = append(names, *f.FunctionName)
		}
	}
	if !slices.Equal(names, []string{"f", "g"}) {
		t.Errorf("functions %v", names)
	}
	if _, err := client.DeleteFunction(t.Context(), &sdk.DeleteFunctionInput{FunctionName: name}); err != nil {
		t.Error(err)
	}
	if _, err := client.GetFunctionConfiguration(t.Context(), &sdk.GetFunctionConfigurationInput{FunctionName: name}); !isError(err,
		"ResourceNotFoundException", "") {
		t.Errorf("after its deletion: %v", err)
	}
}

// TestCodeOfNoFunctionIsRemoved: of code that was replaced, and of a function that was
// deleted or never made, nothing stays on the disk.
func TestCodeOfNoFunctionIsRemoved(t *testing.T) {
	dir := t.TempDir()
	c := start(t, dir, nil)
	folders := func() int {
		t.Helper()
		entries, err := os.ReadDir(filepath.Join(dir, "lambda"))
		check.OK(t, err)
		return len(entries)
	}
	first := create(t, c, nil)
	if _, err := c.client().CreateFunction(t.Context(), input(t, nil)); !isError(err, "ResourceConflictException", "Function already exist") {
		t.Errorf("twice: %v", err)
	}
	if n := folders(); n != 1 {
		t.Errorf("%d folders for one function", n)
	}
	update := func(change func(*sdk.UpdateFunctionCodeInput)) error {
		in := &sdk.UpdateFunctionCodeInput{FunctionName: aws.String("f"), ZipFile: input(t, nil).Code.ZipFile}
		change(in)
		_, err := c.client().UpdateFunctionCode(t.Context(), in)
		return err
	}
	if err := update(func(in *sdk.UpdateFunctionCodeInput) { in.DryRun = true }); err != nil || folders() != 1 {
		t.Errorf("after a dry run: %d folders, %v", folders(), err)
	}
	old := func(in *sdk.UpdateFunctionCodeInput) { in.RevisionId = first.RevisionId }
	check.OK(t, update(old))
	if err := update(old); !isError(err, "PreconditionFailedException", "") || folders() != 1 {
		t.Errorf("after an update and one that was refused: %d folders, %v", folders(), err)
	}
	invoke(t, c, "")
	check.OK(t, update(func(*sdk.UpdateFunctionCodeInput) {}))
	check.Await(t, "the code that an environment ran is removed", check.That(func() bool { return folders() == 1 }))
	if got := decode(t, invoke(t, c, "").Payload); got.Count != 1 {
		t.Errorf("new code: %+v", got)
	}
	// What a kill leaves behind is removed at the next start.
	check.OK(t, os.MkdirAll(filepath.Join(dir, "lambda", "left"), 0o700))
	c.Stop()
	c = start(t, dir, nil)
	if n := folders(); n != 1 {
		t.Errorf("after a start: %d folders", n)
	}
	invoke(t, c, "")
	_, err := c.client().DeleteFunction(t.Context(), &sdk.DeleteFunctionInput{FunctionName: aws.String("f")})
	check.OK(t, err)
	check.Await(t, "the code of the deleted function is removed", check.That(func() bool { return folders() == 0 }))
}
