package parascopehead

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/head"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/term"
)

func newInspect(p *cli.Process) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "inspect DIR",
		Short: "Read the queue in a head's storage directory and check every record",
		Long: `Read the queues under DIR, the head's --storage.agent.path, from their files: which
samples were sent or wait, and whether all records are intact. Nothing is changed; the
head need not run. docs/delivery.md describes the format.

Exit code 1 if records are damaged, samples missing, or files or lanes unreadable or
missing. Files that a head set aside (….unreadable) are named.`,
		Example: `  parascope head inspect /var/lib/prometheus/data-agent
  parascope head inspect --json data-agent | jq '.queues[].ledger'`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			r, err := head.InspectQueues(args[0])
			if err != nil {
				return err
			}
			if asJSON {
				err = json.NewEncoder(p.Stdout).Encode(r)
			} else {
				err = printQueues(p.Stdout, term.Style(p.Stdout, p.Getenv), r)
			}
			if err != nil {
				return fmt.Errorf("could not write the report: %w", err)
			}
			cannot := hint.New(hint.Failure, errors.New("some queue files cannot be read"),
				"a head that opens the directory renames unreadable files to ….unreadable, makes missing directories, and continues")
			if len(r.Unreadable) > 0 {
				return cannot
			}
			for _, q := range r.Queues {
				if len(q.Unreadable) > 0 {
					return cannot
				}
				for _, l := range q.Lanes {
					if l.Damaged > 0 || l.Missing > 0 {
						return hint.New(hint.Failure, errors.New("records are damaged or missing"),
							"a head that opens the directory keeps the intact records and counts the others as dropped, with the reason corrupted")
					}
				}
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print the report as JSON")
	return c
}

func printQueues(w io.Writer, style term.Styler, r head.QueueReport) error {
	right := func(title string) term.Column { return term.Column{Title: title, Right: true} }
	columns := []term.Column{right("LANE"), right("SEGMENTS"), right("BYTES"), right("RECORDS"), right("SAMPLES"), right("DAMAGED"),
		right("MISSING"), right("TORN"), {Title: "OLDEST"}}
	for _, why := range r.Unreadable {
		fmt.Fprintln(w, style.Bad("unreadable: "+why))
	}
	for i, q := range r.Queues {
		if i > 0 {
			fmt.Fprintln(w)
		}
		l := q.Ledger
		fmt.Fprintf(w, "%s\n  taken %s = delivered %s + waiting %s + uncertain %s + dropped %s\n", style.Bold(q.Path),
			number(l.Taken), number(l.Delivered), number(l.Queued), number(l.Doubtful()), number(l.Lost()))
		if n := l.Lost() + l.Doubtful(); n > 0 {
			fmt.Fprintf(w, "  dropped: %s; uncertain: %s\n", reasons(l.DroppedByReason()), reasons(l.UncertainByReason()))
		}
		for _, why := range q.Unreadable {
			fmt.Fprintf(w, "  %s\n", style.Bad("unreadable: "+why))
		}
		var rows [][]string
		for _, lane := range q.Lanes {
			oldest := ""
			if !lane.Oldest.IsZero() {
				oldest = lane.Oldest.Local().Format(time.RFC3339)
			}
			rows = append(rows, []string{
				strconv.Itoa(lane.Lane), strconv.Itoa(lane.Segments), number(uint64(lane.Bytes)), strconv.Itoa(lane.Records), number(lane.Samples),
				strconv.Itoa(lane.Damaged), number(lane.Missing), number(uint64(lane.TornTail)), oldest,
			})
		}
		if err := term.Table(w, style, columns, rows); err != nil {
			return err
		}
	}
	if r.AsideFiles > 0 {
		fmt.Fprintf(w, "\nset aside by a head, %d in all:\n", r.AsideFiles)
	}
	for _, path := range r.Aside {
		fmt.Fprintf(w, "  %s\n", term.Clean(path))
	}
	return nil
}
