package parascopehead

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/head"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/term"
)

func newStatus(p *cli.Process) *cobra.Command {
	var address, httpConfig string
	var asJSON bool
	c := &cobra.Command{
		Use:   "status",
		Short: "Show how many samples a running head has delivered, queued and dropped",
		Long: `Show the status of all samples for each remote_write: whether they are delivered; if
not, since when and why, how many wait, and how long until some are lost. The number
of lost samples is shown by reason.

Counts are in samples since the queue was created, not since the head started:
taken = delivered + waiting + uncertain + dropped.

Exit codes: 0 they are delivered, or a backlog is being sent; 1 they
are delayed, or some were dropped or refused in the last 5 minutes, or the
queue's disk or a discovery of targets fails; 4 they are delayed
because the receiver refuses the credentials (HTTP 401, 403) or there are none; 5
they are delayed because the workspace is not found (HTTP 404), or no head answers
on the address.`,
		Example: `  parascope head status
  parascope head status --address 127.0.0.1:9090 --json | jq .total`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := head.AskDelivery(cmd.Context(), address, httpConfig)
			if err != nil {
				return err
			}
			if asJSON {
				if err := json.NewEncoder(p.Stdout).Encode(d); err != nil {
					return fmt.Errorf("could not write the status: %w", err)
				}
				return deliveryError(d)
			}
			if err := printDelivery(p.Stdout, term.Style(p.Stdout, p.Getenv), d); err != nil {
				return fmt.Errorf("could not write the status: %w", err)
			}
			return deliveryError(d)
		},
	}
	c.Flags().StringVar(&address, "address", cmp.Or(p.Getenv("PARASCOPE_HEAD_ADDRESS"), "127.0.0.1:9090"),
		"`HOST:PORT` of the head's --web.listen-address, or its URL if it uses TLS or a path prefix (environment: PARASCOPE_HEAD_ADDRESS)")
	c.Flags().StringVar(&httpConfig, "http.config.file", "",
		"`FILE` with tls_config and basic_auth, as promtool's, for a head with --web.config.file")
	c.Flags().BoolVar(&asJSON, "json", false, "print the full status as JSON")
	return c
}

// deliveryError is nil if all is well, and else has the exit code and the next
// step of the remote write that fares worst.
func deliveryError(d head.Delivery) error {
	for _, r := range d.Remotes {
		if r.Verdict != d.Verdict || slices.Contains([]head.Verdict{head.Delivering, head.CatchingUp, head.Removed}, r.Verdict) {
			continue
		}
		err := fmt.Errorf("samples for %s are %s", r.Name, verdictText(r))
		next := cmp.Or(r.Next(), "see the counts by reason above, and the head's log")
		code := hint.Failure
		if r.FailingSince.IsZero() || r.LastError == nil || !strings.Contains(next, r.LastError.Next) {
			return hint.New(code, err, next) // it is not the answer that matters
		}
		switch {
		case r.LastError.Code == 401, r.LastError.Code == 403, r.LastError.NoCredentials:
			code = hint.Denied
		case r.LastError.Code == 404:
			code = hint.NotFound
		}
		return hint.New(code, err, next)
	}
	if len(d.Discovery) > 0 {
		return hint.New(hint.Failure, fmt.Errorf("discovery fails: %s for %s", d.Discovery[0].Mechanism, strings.Join(d.Discovery[0].Jobs, ", ")),
			"correct the cause above; for ec2, give the machine's role or profile ec2:DescribeInstances and credentials that are valid")
	}
	return nil
}

func verdictText(r head.RemoteDelivery) string {
	if r.Verdict == head.Losing {
		return "being lost: " + r.Reason
	}
	return string(r.Verdict) + ": " + r.Reason
}

// printDelivery draws a status for a person. Times are told as of the status.
func printDelivery(w io.Writer, style term.Styler, d head.Delivery) error {
	var b strings.Builder
	if len(d.Remotes) == 0 {
		b.WriteString("The configuration has no remote_write: scraped samples are not sent.\n")
	}
	for i, r := range d.Remotes {
		if i > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "%s  %s\n", paintVerdict(style, r.Verdict), style.Bold(r.Name))
		for _, line := range describeRemote(d.Time, r) {
			fmt.Fprintf(&b, "  %s\n", line)
		}
	}
	for _, f := range d.Discovery {
		fmt.Fprintf(&b, "\n%s  %s\n", style.Bad("✗ discovery fails"), style.Bold(f.Mechanism+" for "+strings.Join(f.Jobs, ", ")))
		fmt.Fprintf(&b, "  since %s (%s): %s\n", stamp(f.Since), ago(d.Time, f.Since), term.Clean(f.Why))
		b.WriteString("  previously discovered targets are still scraped; new targets are not\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func paintVerdict(style term.Styler, v head.Verdict) string {
	switch v {
	case head.Delivering, head.CatchingUp:
		return style.Good("✓ " + string(v))
	case head.Removed:
		return style.Faint("- " + string(v))
	}
	return style.Bad("✗ " + string(v))
}

// describeRemote says how a remote write fares, in lines.
func describeRemote(now time.Time, r head.RemoteDelivery) []string {
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, term.Clean(fmt.Sprintf(format, args...))) }
	if !r.FailingSince.IsZero() {
		add("since %s (%s): %s", stamp(r.FailingSince), ago(now, r.FailingSince), r.Reason)
	} else if r.Reason != "" {
		add("%s", r.Reason)
	}
	l := r.Ledger
	add("taken %s = delivered %s + waiting %s + uncertain %s + dropped %s",
		number(l.Taken), number(l.Delivered), number(l.Queued), number(l.Doubtful()), number(l.Lost()))
	if l.Queued > 0 && !r.OldestSample.IsZero() && r.Verdict != head.Delivering {
		add("oldest waiting sample: %s (%s)", stamp(r.OldestSample), ago(now, r.OldestSample))
		if spare := r.DeliveredRate - r.TakenRate; r.Verdict == head.CatchingUp && spare > 0 {
			add("caught up in about %s", short(time.Duration(float64(l.Queued)/spare*float64(time.Second))))
		}
	}
	if !r.LossBegins.IsZero() && r.Verdict != head.CatchingUp {
		then, already := "the samples will be older than the receiver accepts", "the samples are older than the receiver accepts"
		if r.LossBecause == "queue_full" {
			then, already = "the queue will be full", "the queue is full"
		}
		switch {
		case r.LossBegins.After(now):
			add("unless it recovers, samples are lost from %s on (in %s): %s", stamp(r.LossBegins), short(r.LossBegins.Sub(now)), then)
		case r.Verdict == head.Losing:
			add("samples are being lost now: %s", already)
		default:
			add("samples are about to be lost: %s", already)
		}
	}
	if n := l.Lost(); n > 0 {
		add("permanently dropped: %s", reasons(l.DroppedByReason()))
	}
	if n := l.Doubtful(); n > 0 {
		add("uncertain, because the receiver refused their batches in part or did not answer: %s", reasons(l.UncertainByReason()))
		if r.LastRefusal != "" && !strings.Contains(r.Reason, r.LastRefusal) {
			add("  last answer: %s", r.LastRefusal)
		}
	}
	if l.Lost() == 0 && l.Doubtful() == 0 && r.AsideFiles == 0 {
		if r.Verdict == head.Delivering {
			add("nothing was lost")
		} else {
			add("no samples are lost so far")
		}
	}
	if !r.LastSuccess.IsZero() {
		add("last success %s (%s); %s samples/s in, %s out", stamp(r.LastSuccess), ago(now, r.LastSuccess), number(uint64(r.TakenRate)),
			number(uint64(r.DeliveredRate)))
	}
	if r.RateLimit > 0 {
		add("the receiver answered 429; the head now sends %s samples/s and raises the rate step by step", number(uint64(r.RateLimit)))
	}
	if r.TornTailBytes > 0 {
		add("%s bytes of incomplete data at the queue's end were removed at the start; their samples were never taken",
			number(uint64(r.TornTailBytes)))
	}
	if text := r.AsideText(); r.AsideFiles > 0 && !strings.Contains(r.Reason, text) {
		add("%s", text)
		add("  delete or move them when they are no longer needed, and restart the head: they are in the status until then")
	}
	add("queue %s of %s on disk", amount(r.QueueBytes), amount(r.QueueMaxBytes))
	return lines
}

func stamp(t time.Time) string { return t.Local().Format("15:04:05 MST") }

func ago(now, t time.Time) string {
	if d := now.Sub(t); d >= time.Second {
		return short(d) + " ago"
	}
	return "now"
}

// short is a duration as people say it: 45s, 12m, 1h5m.
func short(d time.Duration) string {
	d = d.Round(time.Second)
	if d >= 10*time.Minute {
		d = d.Round(time.Minute)
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// amount is a number of bytes to three digits or so.
func amount(n int64) string {
	for _, u := range byteUnits {
		if n >= 1<<u.shift {
			return strconv.FormatFloat(float64(n)/float64(int64(1)<<u.shift), 'g', 3, 64) + " " + u.suffix
		}
	}
	return "0 B"
}

// number groups digits by thousands.
func number(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// reasons lists counts that are not 0, by name.
func reasons(counts map[string]uint64) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		if counts[name] > 0 {
			all = append(all, number(counts[name])+" "+name)
		}
	}
	return strings.Join(all, ", ")
}
