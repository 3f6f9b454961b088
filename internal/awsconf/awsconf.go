// Package awsconf builds the AWS SDK's configuration, in one place for every
// command. Whether the endpoint is AWS or the local cloud is the SDK's business
// (AWS_ENDPOINT_URL); nothing here asks.
package awsconf

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go/logging"
	"github.com/aws/smithy-go/middleware"

	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/hint"
)

// DefaultRegion is used where neither a flag, the environment nor the profile
// names a region.
const DefaultRegion = "us-east-2"

// Options say where the configuration comes from. The zero value is the SDK's
// default chain.
type Options struct {
	Region   string // outranks AWS_REGION and the profile's region
	Profile  string // outranks AWS_PROFILE
	Files    Files
	Endpoint string // base URL of every service; empty: the SDK's own
}

// Files replace the shared files of the home directory, and with them the
// credentials of the environment. A process that holds two identities needs that.
type Files struct {
	Credentials string
	Config      string
}

const signIn = "for the local cloud: eval \"$(parascope local env)\"; for AWS: 'aws sso login' or 'aws configure', and --profile NAME to " +
	"choose a profile"

// Load builds the configuration and makes sure that it has credentials, so that
// their absence is told once, before any request is made.
func Load(ctx context.Context, o Options) (aws.Config, error) {
	cfg, err := config.LoadDefaultConfig(ctx, loadOptions(o)...)
	if err != nil {
		if unread := unreadable(o.Files); unread != nil {
			return aws.Config{}, unread
		}
		if noProfile, ok := errors.AsType[config.SharedConfigProfileNotExistError](err); ok {
			return aws.Config{}, hint.New(hint.Denied, fmt.Errorf("there is no AWS profile %q", noProfile.Profile),
				"'aws configure list-profiles' lists the profiles; "+signIn)
		}
		return aws.Config{}, hint.New(hint.BadInput, fmt.Errorf("could not load the AWS configuration: %w", err),
			"correct the AWS_* variables or the shared files (~/.aws/config, ~/.aws/credentials)")
	}
	if cfg.Region == "" {
		cfg.Region = DefaultRegion
	}
	if _, err := cfg.Credentials.Retrieve(ctx); err != nil {
		if ctx.Err() != nil {
			return aws.Config{}, ctx.Err()
		}
		if unread := unreadable(o.Files); unread != nil {
			return aws.Config{}, unread
		}
		return aws.Config{}, hint.New(hint.Denied, fmt.Errorf("no AWS credentials found: %w", err), signIn)
	}
	return cfg, nil
}

// unreadable finds a shared file that is there and cannot be read, or that a variable
// names and is not there. The SDK takes such a file for an empty one, and then misses
// the profile or the keys that are in it.
func unreadable(files Files) error {
	for _, f := range []struct{ path, variable, usual string }{
		{files.Credentials, "AWS_SHARED_CREDENTIALS_FILE", config.DefaultSharedCredentialsFilename()},
		{files.Config, "AWS_CONFIG_FILE", config.DefaultSharedConfigFilename()},
	} {
		path, named := f.path, f.path != ""
		if files == (Files{}) {
			path, named = os.LookupEnv(f.variable)
			path = cmp.Or(path, f.usual)
		}
		if path == "" {
			continue
		}
		_, err := os.ReadFile(path)
		if err == nil || errors.Is(err, fs.ErrNotExist) && !named {
			continue
		}
		next := "make " + path + " readable by this user"
		if errors.Is(err, fs.ErrNotExist) {
			next = "unset " + f.variable
		}
		return hint.New(hint.Denied, fmt.Errorf("could not read the AWS configuration: %w", err),
			next+", or select another file with "+f.variable+"; "+signIn)
	}
	return nil
}

func loadOptions(o Options) []func(*config.LoadOptions) error {
	// What the SDK would write to stderr comes back as an error too.
	opts := []func(*config.LoadOptions) error{
		config.WithLogger(logging.Nop{}),
		config.WithAPIOptions([]func(*middleware.Stack) error{awserr.Guard}),
	}
	profile := o.Profile
	if o.Files != (Files{}) {
		// A list that is not nil keeps the SDK from reading the home directory,
		// a named profile keeps it from preferring the environment's keys.
		opts = append(opts,
			config.WithSharedCredentialsFiles(list(o.Files.Credentials)),
			config.WithSharedConfigFiles(list(o.Files.Config)))
		if profile == "" {
			profile = config.DefaultSharedConfigProfile
		}
	}
	if profile != "" {
		opts = append(opts, config.WithSharedConfigProfile(profile))
	}
	if o.Region != "" {
		opts = append(opts, config.WithRegion(o.Region))
	}
	if o.Endpoint != "" {
		opts = append(opts, config.WithBaseEndpoint(o.Endpoint))
	}
	return opts
}

func list(path string) []string {
	if path == "" {
		return []string{}
	}
	return []string{path}
}
