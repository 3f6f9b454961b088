package clusters

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/parascope/parascope/internal/artifact"
	"github.com/parascope/parascope/localaws"
	"github.com/parascope/parascope/localaws/localtest"
)

const script = "Script: s3://mine/parascope/pcluster-infra/v1/install.sh\n"

// account is one with the usual bucket and another, in the working directory of a test.
type account struct {
	t     *testing.T
	cfg   aws.Config
	usual string
}

func start(t *testing.T) account {
	t.Helper()
	t.Chdir(t.TempDir())
	a := account{t: t, cfg: localtest.Start(t, localaws.Options{}).Operator()}
	var err error
	if a.usual, err = artifact.UsualBucket(t.Context(), a.cfg); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{a.usual, "mine"} {
		if _, err := s3.NewFromConfig(a.cfg).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name,
			CreateBucketConfiguration: &types.CreateBucketConfiguration{
				LocationConstraint: types.BucketLocationConstraint(a.cfg.Region)}}); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

// record is what attach --bucket mine does before it writes c.yaml.
func (a account) record(ctx context.Context) (*records, error) {
	return record(ctx, a.cfg, recording{text: []byte(script), cluster: "hpc", file: "c.yaml", regular: true, bucket: "mine"})
}

// want fails the test unless there are so many records in each bucket.
func (a account) want(n int) {
	a.t.Helper()
	for _, bucket := range []string{a.usual, "mine"} {
		out, err := s3.NewFromConfig(a.cfg).ListObjectsV2(a.t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket})
		if err != nil || len(out.Contents) != n {
			a.t.Errorf("%d records in %s, %v; want %d", len(out.Contents), bucket, err, n)
		}
	}
}

func (a account) write(text string) {
	a.t.Helper()
	if err := os.WriteFile("c.yaml", []byte(text), 0o600); err != nil {
		a.t.Fatal(err)
	}
}

// TestInterruptedRecord: an interrupt before the file is written leaves no record, and none of an earlier run is taken away.
func TestInterruptedRecord(t *testing.T) {
	a := start(t)
	ctx, cancel := context.WithCancel(t.Context())
	r, err := a.record(ctx)
	if err != nil || r.note != "" {
		t.Fatal(err, r.note)
	}
	a.want(1)
	cancel()
	if err := r.end(ctx, ctx.Err()); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	a.want(0)
	first, err := a.record(t.Context())
	if err = first.end(t.Context(), errors.Join(err, first.keep(t.Context()))); err != nil {
		t.Fatal(err)
	}
	second, err := a.record(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := second.end(t.Context(), os.ErrPermission); !errors.Is(err, os.ErrPermission) {
		t.Error(err)
	}
	a.want(1)
}

// TestAttachAndDetachAtOnce: whichever of the two writes the file last, a file with the script has its record.
func TestAttachAndDetachAtOnce(t *testing.T) {
	a := start(t)
	detach := func() {
		t.Helper()
		if note, err := forget(t.Context(), a.cfg, "hpc", "c.yaml", "pcluster-infra", []byte(script)); err != nil || note != "" {
			t.Fatal(err, note)
		}
	}
	a.write("plain\n")
	r, err := a.record(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	detach() // of what was there before
	a.want(0)
	a.write(script)
	if err := r.keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	a.want(1)
	detach() // wrote its file before attach did
	a.want(1)
	a.write("plain\n")
	detach()
	a.want(0)
}
