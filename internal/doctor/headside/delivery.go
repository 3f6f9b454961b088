package headside

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/internal/head"
	"github.com/parascope/parascope/internal/hint"
)

// refusedFor reports whether requests fail now for want of credentials or of permission.
func refusedFor(r head.RemoteDelivery) bool {
	e := r.LastError
	return !r.FailingSince.IsZero() && e != nil && (e.Code == http.StatusUnauthorized || e.Code == http.StatusForbidden || e.NoCredentials)
}

// checkCredentials reads the answers that the head got last.
func checkCredentials(_ context.Context, e *Env) Finding {
	return worst(e, func(r head.RemoteDelivery) Finding {
		if refusedFor(r) {
			f := failing(r)
			f.Err = hint.New(hint.Denied, errors.New(r.Reason), r.Next())
			return f
		}
		return lastly(r)
	})
}

func failing(r head.RemoteDelivery) Finding {
	return doctor.Fault(fmt.Sprintf("requests to %s have failed since %s: "+
		"%s", r.Name, r.FailingSince.UTC().Format(time.RFC3339), r.Reason), next(r))
}

func next(r head.RemoteDelivery) string {
	return cmp.Or(r.Next(), "'parascope-head status' and 'journalctl -u prometheus' show the details")
}

// lastly is OK where a request has succeeded.
func lastly(r head.RemoteDelivery) Finding {
	if r.LastSuccess.IsZero() && r.FailingSince.IsZero() {
		return doctor.Unsure("the head has not sent a request yet", "run the command again in a minute")
	}
	return doctor.Good("")
}

// checkDelivering: other refusals, and no answer.
func checkDelivering(_ context.Context, e *Env) Finding {
	return worst(e, func(r head.RemoteDelivery) Finding {
		if !r.FailingSince.IsZero() && !refusedFor(r) {
			return failing(r)
		}
		return lastly(r)
	})
}

// checkRefused names series that AMP does not take.
func checkRefused(_ context.Context, e *Env) Finding {
	return worst(e, func(r head.RemoteDelivery) Finding {
		if r.Refused.Series == 0 {
			return doctor.Good("")
		}
		text := fmt.Sprintf("%d series of %s are refused", r.Refused.Series, r.Name)
		for _, n := range r.Refused.Named[:min(3, len(r.Refused.Named))] {
			text += fmt.Sprintf("; %s: %s", n.Series, n.Text)
		}
		return doctor.Fault(text, "raise the limit that AMP names, or drop the series with write_relabel_configs; refused series are "+
			"tried again once a minute")
	})
}

// checkLost: dropped, or refused in a batch.
func checkLost(_ context.Context, e *Env) Finding {
	return worst(e, func(r head.RemoteDelivery) Finding {
		switch string(r.Verdict) {
		case "losing", "in doubt":
			return doctor.Fault(r.Name+": "+r.Reason, next(r))
		}
		if n := r.Ledger.Lost() + r.Ledger.Doubtful(); n > 0 {
			f := doctor.Good("")
			f.Warnings = []string{fmt.Sprintf("%d samples of %s were lost or uncertain earlier; 'parascope-head status' shows the "+
				"reason", n, r.Name)}
			return f
		}
		return doctor.Good("")
	})
}

// checkAge compares the oldest sample that waits with half of what AMP takes.
func checkAge(_ context.Context, e *Env) Finding {
	return worst(e, func(r head.RemoteDelivery) Finding {
		limit := time.Duration(r.AgeLimitSeconds * float64(time.Second))
		if r.Ledger.Queued == 0 || r.OldestSample.IsZero() {
			return doctor.Good("no samples are waiting")
		}
		age := e.Now().Sub(r.OldestSample).Round(time.Second)
		if limit > 0 && age > limit/2 {
			return doctor.Fault(fmt.Sprintf("the oldest sample for %s is %s old; samples are dropped at %s", r.Name, age, limit),
				strings.TrimSpace(r.Next()+" 'parascope-head status' shows the estimated time to deliver all samples"))
		}
		return doctor.Good(fmt.Sprintf("the oldest waiting sample is %s old", max(age, 0)))
	})
}

// checkRoom: a full queue drops its oldest samples.
func checkRoom(_ context.Context, e *Env) Finding {
	return worst(e, func(r head.RemoteDelivery) Finding {
		if r.QueueMaxBytes > 0 && r.QueueBytes > r.QueueMaxBytes/10*8 {
			return doctor.Fault(fmt.Sprintf("the queue of %s has %d of %d bytes", r.Name, r.QueueBytes, r.QueueMaxBytes),
				"raise --queue.max-bytes, and see check delivering")
		}
		return doctor.Good("")
	})
}

// checkDisk reads what the head says of its disk.
func checkDisk(_ context.Context, e *Env) Finding {
	return worst(e, func(r head.RemoteDelivery) Finding {
		switch {
		case r.Disk != "":
			return doctor.Fault("the queue's disk fails: "+r.Disk, "free space on the disk ('df -h /opt/prometheus'); sending resumes "+
				"automatically")
		case r.AsideFiles > 0:
			return doctor.Fault(r.AsideText(), "check the disk; 'parascope-head inspect DIRECTORY' reads every record; then remove these files, "+
				"and restart the head")
		}
		return doctor.Good("")
	})
}

// checkDiscovery: targets that were found before are still scraped, new ones are not.
func checkDiscovery(_ context.Context, e *Env) Finding {
	return asked(e, func(d head.Delivery) Finding {
		if len(d.Discovery) == 0 {
			return doctor.Good("")
		}
		f := d.Discovery[0]
		return doctor.Fault(fmt.Sprintf("%s of job %s fails since %s: %s", f.Mechanism, strings.Join(f.Jobs, ", "),
			f.Since.UTC().Format(time.RFC3339), f.Why), "for ec2: give the node's role ec2:DescribeInstances; for http: see check slurm-answers")
	})
}
