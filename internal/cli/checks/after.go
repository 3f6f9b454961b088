package checks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/internal/doctor/bundle"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/term"
)

// Ending is what follows the checks.
type Ending struct {
	Results  []doctor.Result
	Document doctor.Document
	JSON     bool
	Fix, Yes bool
	Bundle   string // name of its file; "": none
	Fixes    func([]doctor.Result) []doctor.Fix
	Files    func(context.Context, doctor.Document) []bundle.File
}

// End prints the counts or the document, makes the bundle and the repairs, and returns the
// outcome as an error. Of repairs that succeed the outcome is that they are to be checked.
func End(ctx context.Context, p *cli.Process, show *Printer, e Ending) error {
	err := show.Total()
	if e.Bundle != "" {
		err = errors.Join(err, WriteBundle(p, e.Bundle, e.Files(ctx, e.Document)))
	}
	if e.Fix {
		done, fixErr := Fix(ctx, p, e.Yes, e.Fixes(e.Results))
		e.Document.Fixes, err = done, errors.Join(err, fixErr)
	}
	if e.JSON {
		err = errors.Join(err, p.PrintJSON(e.Document))
	}
	if err != nil {
		return err
	}
	return doctor.Err(e.Results)
}

// Fix says what each repair would do and how it is undone, asks unless yes, and does it.
func Fix(ctx context.Context, p *cli.Process, yes bool, fixes []doctor.Fix) (done []doctor.Fixed, err error) {
	if len(fixes) == 0 {
		_ = term.Printf(p.Stderr, "%s\n", "no failed check has an automatic repair")
	}
	for _, f := range fixes {
		_ = term.Printf(p.Stderr, "repair of %s: %s\n  to undo the repair: %s\n", f.Check, f.What, f.Undo)
		if !yes {
			agreed, err := p.Ask(ctx, "Run the repair?")
			if err != nil {
				return done, err
			}
			if !agreed {
				continue
			}
		}
		fixed := doctor.Fixed{Check: f.Check, What: f.What}
		if failed := f.Do(ctx); failed != nil {
			fixed.Error = failed.Error()
			err = errors.Join(err, fmt.Errorf("repair of %s: %w", f.Check, failed))
		} else {
			_ = term.Printf(p.Stderr, "done: %s\n", f.What)
		}
		done = append(done, fixed)
	}
	return done, err
}

// WriteBundle writes a bundle into a file, which must not be there, and says what is in it.
func WriteBundle(p *cli.Process, name string, files []bundle.File) error {
	cannot := func(err error) error {
		return hint.New(hint.BadInput, fmt.Errorf("could not write the bundle: %w", err),
			"give --bundle a FILE that does not exist, in a writable directory")
	}
	var b bytes.Buffer
	if err := bundle.Write(&b, files, time.Now()); err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return cannot(err)
	}
	_, err = f.Write(b.Bytes())
	if err := errors.Join(err, f.Close()); err != nil {
		return cannot(err)
	}
	fmt.Fprintf(p.Stderr, "%s (%d bytes), without secrets; read it before you send it:\n%s", term.Clean(name), b.Len(),
		term.CleanLines(bundle.List(files)))
	return nil
}
