package clusters

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/parascope/parascope/internal/artifact"
	"github.com/parascope/parascope/internal/cli/outfile"
	"github.com/parascope/parascope/internal/cluster/environment"
	"github.com/parascope/parascope/internal/cluster/uses"
	"github.com/parascope/parascope/internal/hint"
)

// records are what a run noted of a configuration that it is about to write: that it names the script, so
// that nobody deletes that.
type records struct {
	cfg     aws.Config
	what    uses.Attached
	at      []uses.Place
	apart   int    // the place in at, from here on, whose scripts are in another bucket
	bucket  string // of the latter
	written bool
	note    string
}

// recording is a configuration that is about to be written.
type recording struct {
	text    []byte
	cluster string
	file    string // "-": standard output
	regular bool
	bucket  string // that was given for the scripts, "" for the stack's
}

// record notes where it is to be found. What does not go into a regular file cannot be detached later: a note
// says that nothing is recorded. The caller ends the records, also after an error.
func record(ctx context.Context, cfg aws.Config, r recording) (*records, error) {
	all := &records{cfg: cfg, bucket: r.bucket}
	places := uses.Places(r.text)
	if len(places) == 0 {
		return all, nil
	}
	if !r.regular {
		all.note = "the output is not a regular file, and is not recorded as a configuration that names the install script: 'parascope down' " +
			"deletes the script unless a cluster with this configuration exists"
		return all, nil
	}
	file := r.file
	if file == "-" {
		if file, _ = os.Readlink("/proc/self/fd/1"); file == "" {
			file = "standard-output" // the machine does not say which file it is
		}
	}
	all.what, all.apart = uses.NewAttached(r.cluster, cfg.Region, file, r.text, time.Now()), len(places)
	for _, place := range places {
		all.at = append(all.at, place) // first: an interrupted request may have been served
		if err := uses.Record(ctx, cfg, place, all.what); err != nil {
			return all, err
		}
	}
	if r.bucket == "" {
		return all, nil
	}
	usual, err := artifact.UsualBucket(ctx, cfg)
	if err != nil {
		return all, err
	}
	for _, place := range places {
		if place.Bucket == usual || place.Bucket != r.bucket {
			continue
		}
		all.at = append(all.at, uses.Place{Bucket: usual, Stack: place.Stack})
		if err := uses.Record(ctx, cfg, all.at[len(all.at)-1], all.pointer()); err != nil {
			if ctx.Err() != nil {
				return all, err
			}
			all.at = all.at[:len(all.at)-1]
			all.note = recordedAlone(r.bucket, err)
		}
	}
	return all, nil
}

func recordedAlone(bucket string, err error) string {
	return fmt.Sprintf("this configuration is recorded in bucket %s alone (%v): until its cluster exists, 'parascope down' takes it "+
		"into account only with --bucket %s", bucket, err, bucket)
}

// pointer is the record in a bucket that does not have the scripts.
func (r *records) pointer() uses.Attached {
	a := r.what
	a.Bucket = r.bucket
	return a
}

// each calls do with the records and where they are.
func (r *records) each(do func(uses.Place, uses.Attached) error) (err error) {
	for i, place := range r.at {
		what := r.what
		if i >= r.apart {
			what = r.pointer()
		}
		err = errors.Join(err, do(place, what))
	}
	return err
}

// keep is called when the file is written. It records again what a detach of the file by another process deleted
// in the meantime.
func (r *records) keep(ctx context.Context) error {
	r.written = true
	return r.each(func(place uses.Place, what uses.Attached) error { return uses.Record(ctx, r.cfg, place, what) })
}

// maxWithdrawal bounds what is done after an interrupt.
const maxWithdrawal = 10 * time.Second

// end withdraws what was recorded of a file that was not written because of err, and returns err.
func (r *records) end(ctx context.Context, err error) error {
	if r == nil || err == nil || r.written {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), maxWithdrawal)
	defer cancel()
	failed := r.each(func(place uses.Place, what uses.Attached) error { return uses.Withdraw(ctx, r.cfg, place, what) })
	if failed == nil {
		return err
	}
	return hint.Join([]error{err, failed})
}

// forget deletes the records of a file that does not name the script any more. Text is what it had, of places. It
// looks in the usual bucket too, for a file that was detached before and for scripts in another bucket.
func forget(ctx context.Context, cfg aws.Config, clusterName, file, stackName string, text []byte) (note string, err error) {
	places := uses.Places(text)
	if len(places) == 0 {
		text = nil
	}
	usual, err := artifact.UsualBucket(ctx, cfg)
	if err != nil {
		return "", unforgotten(file, err)
	}
	own := len(places)
	names := []string{stackName}
	for _, place := range places[:own] {
		names = append(names, place.Stack)
	}
	for _, name := range names {
		if place := (uses.Place{Bucket: usual, Stack: name}); !slices.Contains(places, place) {
			places = append(places, place)
		}
	}
	what := uses.NewAttached(clusterName, cfg.Region, file, text, time.Now())
	for i, place := range places {
		err := uses.Forget(ctx, cfg, place, what)
		if err != nil && i >= own && own > 0 && hint.CodeOf(err) == hint.Denied {
			note = fmt.Sprintf("records in bucket %s were not looked for: %v", place.Bucket, err)
			continue
		}
		if err != nil {
			return note, unforgotten(file, err)
		}
	}
	// Another process may have attached the file in the meantime, before these deletions.
	now, err := readBounded(ctx, file)
	if err != nil {
		return note, err
	}
	for _, place := range uses.Places(now) {
		what := uses.NewAttached(clusterName, cfg.Region, file, now, time.Now())
		if err := uses.Record(ctx, cfg, place, what); err != nil {
			return note, err
		}
		if place.Bucket == usual {
			continue
		}
		what.Bucket = place.Bucket
		if err := uses.Record(ctx, cfg, uses.Place{Bucket: usual, Stack: place.Stack}, what); err != nil {
			note = recordedAlone(place.Bucket, err)
		}
	}
	return note, nil
}

// unforgotten is the error of a record that is left, when the file is done.
func unforgotten(file string, err error) error {
	next := hint.Next(err)
	if next != "" {
		next = "; " + next
	}
	return hint.New(hint.CodeOf(err), fmt.Errorf("%s no longer names the install script, but 'parascope down' still counts it: %w", file, err),
		"run the same command again, which deletes the record"+next)
}

// variables is the file that is sourced before pcluster, prepared.
type variables struct {
	name, text string
	file       *outfile.File
}

// prepareVariables makes sure that the file can be written. It returns nil where the file is there: whatever
// is in it, it is the person's.
func prepareVariables(ctx context.Context, e environment.File) (*variables, error) {
	v := &variables{name: environment.FileName(e.ClusterName)}
	if mayMake(v.name, "", false) != nil {
		return nil, nil
	}
	var err error
	if v.text, err = e.Text(); err != nil {
		return nil, err
	}
	if v.file, err = outfile.New(ctx, v.name, nil); err != nil {
		return nil, besideMe(err)
	}
	return v, nil
}

// write writes it after the file that it belongs to, and returns its name, "" where there is nothing to write.
func (v *variables) write(ctx context.Context, after string) (name string, err error) {
	if v == nil {
		return "", nil
	}
	return v.name, afterwards(after, v.file.Write(ctx, v.text))
}

// afterwards is an error after a first file was written.
func afterwards(written string, err error) error {
	if err == nil || hint.Next(err) == "" {
		return err
	}
	return hint.New(hint.Failure, fmt.Errorf("%s was written, but then: %w", written, err), hint.Next(err))
}

func (v *variables) discard() {
	if v != nil {
		v.file.Discard()
	}
}

// besideMe is an error about a file that lies in the working directory, whatever --output says.
func besideMe(err error) error {
	if hint.Next(err) == "" { // an interrupt
		return err
	}
	return hint.New(hint.CodeOf(err), errors.New(err.Error()), "run the command in a writable directory"+moved(err))
}

// moved says what to do about a directory of the name.
func moved(err error) string {
	if strings.HasSuffix(err.Error(), "it is a directory") {
		return ", and move the directory of that name away"
	}
	return ""
}
