package deploy

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/parascope/parascope/internal/artifact"
	"github.com/parascope/parascope/internal/hint"
)

// noBucket is the error of a bucket that was named and is not there.
type noBucket struct{ error }

func (e *noBucket) Unwrap() error { return e.error }

// lookIntoBucket finds what the stack has in the bucket of its function: the one that
// was asked for, the one that the stack was made with, or the usual one, where an
// earlier stack of the name may have left something.
func (d *down) lookIntoBucket(ctx context.Context) (err error) {
	made := d.state.Parameters["SetupFunctionBucket"]
	if d.holding, err = artifact.FindHolding(ctx, d.cfg, cmp.Or(d.o.Bucket, made), d.o.StackName); err != nil {
		return err
	}
	if d.o.Bucket != "" && !d.holding.Exists {
		return &noBucket{hint.New(hint.NotFound, fmt.Errorf("nothing was deleted: this account has no bucket %s", d.o.Bucket),
			"give --bucket the name of the setup function's bucket, or omit it")}
	}
	// Whoever chose a bucket may have had it before, and other plans for it.
	if h := &d.holding; h.Exists && h.Stays == "" && d.o.Bucket == "" && !h.Usual {
		h.Stays = "the bucket was chosen with --bucket; '" + d.o.Command("down") + " --bucket " + h.Bucket + "' deletes it too"
	}
	return nil
}

// leaveBucket deletes what the stack has in the bucket, and says what stays.
func (d *down) leaveBucket(ctx context.Context) error {
	h := &d.holding
	concerned := d.o.Bucket != "" || d.state.Parameters["SetupFunctionBucket"] != "" || h.Goes()
	if !h.Exists || !concerned {
		return nil
	}
	if d.o.KeepBucket {
		d.result.Kept = append(d.result.Kept, "bucket "+h.Bucket+", because of --keep-bucket")
		return nil
	}
	if err := h.Delete(ctx); err != nil {
		return err
	}
	if h.Stays != "" {
		d.result.Kept = append(d.result.Kept, "bucket "+h.Bucket+": "+h.Stays)
		d.report(Event{Kind: Warning, Step: "bucket", Text: "bucket " + h.Bucket + " is kept: " + h.Stays})
		return nil
	}
	d.report(Event{Kind: Done, Step: "bucket", Text: "deleted " + h.Bucket})
	return nil
}

// describeHolding says what goes of a bucket.
func describeHolding(h artifact.Holding) string {
	var parts []string
	if len(h.Functions) > 0 {
		parts = append(parts, "the setup function")
	}
	if len(h.Staged) > 0 {
		parts = append(parts, "the files that cluster nodes install")
	}
	what := strings.Join(parts, " and ")
	switch {
	case what == "":
		return "Bucket " + h.Bucket + ", which is empty"
	case h.Stays != "":
		return strings.ToUpper(what[:1]) + what[1:] + " in bucket " + h.Bucket + " (the bucket is kept: " + h.Stays + ")"
	}
	return strings.ToUpper(what[:1]) + what[1:] + " in bucket " + h.Bucket + ", and the bucket"
}
