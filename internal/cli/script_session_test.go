package cli_test

import (
	"context"
	"encoding/json"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials/ec2rolecreds"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/parascope/parascope/internal/local"
)

// session is the script command
//
//	session [SECRET]
//
// It gives the script temporary credentials, from the metadata service of its
// cloud; with SECRET in place of the secret key.
func (a account) session(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 1 {
		ts.Fatalf("usage: session [SECRET]")
	}
	var running local.Running
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(ts.MkAbs("data/running.json"))), &running))
	ctx, cancel := context.WithTimeout(a.ctx, 2*time.Minute)
	defer cancel()
	keys, err := ec2rolecreds.New(func(o *ec2rolecreds.Options) {
		o.Client = imds.New(imds.Options{Endpoint: running.Metadata})
	}).Retrieve(ctx)
	ts.Check(err)
	if len(args) > 0 {
		keys.SecretAccessKey = args[0]
	}
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": keys.AccessKeyID, "AWS_SECRET_ACCESS_KEY": keys.SecretAccessKey, "AWS_SESSION_TOKEN": keys.SessionToken,
		"AWS_PROFILE": "", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_CONFIG_FILE": "/dev/null",
	} {
		ts.Setenv(name, value)
	}
}
