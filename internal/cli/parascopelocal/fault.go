package parascopelocal

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/cli/duration"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/local"
	"github.com/parascope/parascope/internal/term"
)

func newFault(p *cli.Process, dir *string) *cobra.Command {
	f := local.Fault{}
	var length, delay, retryAfter time.Duration
	var asJSON bool
	c := &cobra.Command{
		Use:   "fault KIND",
		Short: "Inject faults into the local cloud",
		Long: `Make the running local cloud's workspaces fail, for a time or for a share of the
requests, to see how delivery reacts. The kinds are:

  expired       403, as with credentials that have expired
  unauthorized  401
  not-found     404, as for a workspace that is gone
  throttled     429, with --retry-after if given
  error         500
  unavailable   503, with --retry-after if given
  refuse        400: --refuse samples of each request are refused, the others stored
  hang          no answer until the fault ends
  reset         the connection is reset
  slow          each response is delayed by --delay

Without --for a fault lasts until it is cleared or the local cloud stops.

Expired, hang, reset and slow can also affect the API of a service, by its name in
localaws/docs/operations.md: cloudformation, grafana, … Running operations continue.
For a service, expired affects the sessions that began before the fault; new
credentials work.`,
		Example: `  parascope local fault expired --for 30s
  parascope local fault throttled --retry-after 5s --share 0.5
  parascope local fault refuse --refuse 3 --for 1m
  parascope local fault unavailable --on query
  parascope local fault expired --on cloudformation
  parascope local fault list
  parascope local fault clear`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.Kind = args[0]
			if err := checkFault(f, length, delay, retryAfter); err != nil {
				return err
			}
			f.ForSeconds, f.DelaySeconds, f.RetryAfterSeconds = length.Seconds(), delay.Seconds(), int(retryAfter.Seconds())
			data, err := faultDir(p, *dir)
			if err != nil {
				return err
			}
			set, err := local.AddFault(cmd.Context(), data, f)
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(p.Stdout).Encode(set)
			}
			return term.Printf(p.Stdout, "%s: %s on %s, %s, %s\n", set.ID, set.Kind, set.On, share(set), until(set))
		},
	}
	flags := c.Flags()
	duration.Var(flags, &length, "for", 0, "how long the fault lasts (default: until it is cleared)")
	flags.Float64Var(&f.Share, "share", 1, "share of the requests that the fault affects, above 0 and at most 1")
	flags.StringVar(&f.On, "on", "remote_write", "target of the fault: remote_write, query or the API of a service")
	flags.StringVar(&f.WorkspaceID, "workspace", "", "`ID` of the affected workspace (default: all)")
	duration.Var(flags, &retryAfter, "retry-after", 0, "Retry-After header of throttled and unavailable, a whole number of seconds")
	duration.Var(flags, &delay, "delay", 0, "delay of each response for the kind slow")
	flags.IntVar(&f.RefuseSamples, "refuse", 0, "samples of each request that the kind refuse rejects")
	flags.BoolVar(&asJSON, "json", false, "print the fault as JSON")
	c.AddCommand(newFaultList(p, dir), newFaultClear(p, dir))
	return c
}

// faultDir is the data directory of the local cloud that faults are for: the one that
// 'parascope local env' named, where no flag names another.
func faultDir(p *cli.Process, flag string) (string, error) {
	return dataDir(p, cmp.Or(flag, p.Getenv(local.DataVariable)))
}

// checkFault says in the words of the flags what the local cloud would say in those
// of its API, and refuses what that cannot express.
func checkFault(f local.Fault, length, delay, retryAfter time.Duration) error {
	wrong, next := "", ""
	switch {
	case retryAfter < 0 || retryAfter%time.Second != 0:
		wrong, next = fmt.Sprintf("--retry-after %s is not a whole number of seconds, which the Retry-After header "+
			"requires", retryAfter), "write --retry-after 2s"
	case retryAfter > 0 && f.Kind != "throttled" && f.Kind != "unavailable":
		wrong, next = "only the kinds throttled and unavailable accept --retry-after", "omit --retry-after"
	case delay < 0 || length < 0:
		wrong, next = "--for and --delay must not be negative", "write --for 30s"
	case (delay > 0) != (f.Kind == "slow"):
		wrong, next = "the kind slow requires --delay, and no other kind accepts it", "give a delay, as in 'parascope local fault "+
			"slow --delay 2s'"
	case f.RefuseSamples < 0 || (f.RefuseSamples > 0) != (f.Kind == "refuse"):
		wrong, next = "the kind refuse requires --refuse, and no other kind accepts it", "give a number of samples, as in 'parascope "+
			"local fault refuse --refuse 3'"
	case f.Kind == "refuse" && f.On != "remote_write":
		wrong, next = "the kind refuse requires --on remote_write", "omit --on"
	case !(f.Share > 0 && f.Share <= 1):
		wrong, next = fmt.Sprintf("--share %v must be above 0 and at most 1", f.Share), "write --share 0.5"
	default:
		return nil
	}
	return hint.New(hint.Usage, errors.New(wrong), next)
}

func newFaultList(p *cli.Process, dir *string) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "list",
		Short:   "List the active faults, with the number of requests that each fault affected",
		Example: `  parascope local fault list`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			data, err := faultDir(p, *dir)
			if err != nil {
				return err
			}
			faults, err := local.Faults(cmd.Context(), data)
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(p.Stdout).Encode(faults)
			}
			if len(faults) == 0 {
				_, err := fmt.Fprintln(p.Stdout, "no active faults")
				return err
			}
			rows := [][]string{}
			for _, f := range faults {
				rows = append(rows, []string{f.ID, f.Kind, f.On, share(f), strconv.Itoa(f.Hits), until(f)})
			}
			return term.Table(p.Stdout, term.Style(p.Stdout, p.Getenv), []term.Column{
				{Title: "FAULT"}, {Title: "KIND"}, {Title: "ON"}, {Title: "SHARE"}, {Title: "HITS", Right: true}, {Title: "UNTIL"},
			}, rows)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print the faults as JSON")
	return c
}

func newFaultClear(p *cli.Process, dir *string) *cobra.Command {
	return &cobra.Command{
		Use:   "clear [FAULT]",
		Short: "End one fault, or all of them",
		Example: `  parascope local fault clear
  parascope local fault clear fault-1b9d6bcd`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			data, err := faultDir(p, *dir)
			if err != nil {
				return err
			}
			id := ""
			if len(args) > 0 {
				id = args[0]
			}
			n, err := local.ClearFaults(cmd.Context(), data, id)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(p.Stdout, "faults cleared: %d\n", n)
			return err
		},
	}
}

// share says how many of the requests meet a fault.
func share(f local.Fault) string {
	if f.Share == 1 {
		return "every request"
	}
	return fmt.Sprintf("%g%% of the requests", 100*f.Share)
}

// until says when a fault ends.
func until(f local.Fault) string {
	if f.Until.IsZero() {
		return "until cleared"
	}
	layout := time.TimeOnly
	if time.Until(f.Until) > 12*time.Hour { // the time alone may be that of today
		layout = time.DateTime
	}
	return "until " + f.Until.Local().Format(layout)
}
