package head

import (
	"fmt"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/discovery/targetgroup"
)

// Bounds of what is discovered. Each series of a target may have all of its labels, so that
// long ones cost a thousand times their length.
const (
	// maxOwnLabels bounds the labels of a target that its series have, in bytes.
	maxOwnLabels = 16 << 10
	// maxAllLabels bounds all labels of a target, in bytes. An EC2 instance with the most and
	// the longest tags that AWS allows has 20 KB. Relabelling may give them to series.
	maxAllLabels = 32 << 10
	// maxTargets bounds what one answer or file may have.
	maxTargets = 50_000
)

// takable returns the groups without the targets whose labels are too large, and what was
// wrong; all is nil where what was found before stays.
func takable(groups []*targetgroup.Group) (all []*targetgroup.Group, wrong string) {
	all = make([]*targetgroup.Group, 0, len(groups))
	targets, left := 0, 0
	for _, g := range groups {
		if g == nil {
			continue
		}
		targets += len(g.Targets)
		own, every := sizeOf(g.Labels, nil)
		one := *g
		one.Targets = nil
		for _, t := range g.Targets {
			o, e := sizeOf(t, g.Labels)
			if own+o <= maxOwnLabels && every+e <= maxAllLabels {
				one.Targets = append(one.Targets, t)
				continue
			}
			if left++; left == 1 {
				wrong = fmt.Sprintf("%.100q", string(t[model.AddressLabel]))
			}
		}
		switch {
		case len(one.Targets) == len(g.Targets):
			all = append(all, g)
		case len(one.Targets) == 0: // nothing keeps its labels
			all = append(all, &targetgroup.Group{Source: g.Source})
		default:
			all = append(all, &one)
		}
	}
	if targets > maxTargets {
		return nil, fmt.Sprintf("%d targets were found, more than %d: let it find fewer", targets, maxTargets)
	}
	if left > 0 {
		wrong = fmt.Sprintf("%d targets are left out, such as %s: a target may have labels of %d bytes, and of %d bytes with those that "+
			"begin with __", left, wrong, maxOwnLabels, maxAllLabels)
	}
	return all, wrong
}

// sizeOf is how many bytes labels have that series get, and all of them, but for what stands
// in less and is counted there.
func sizeOf(ls, less model.LabelSet) (own, every int) {
	for name, value := range ls {
		n := len(name) + len(value)
		if old, both := less[name]; both {
			n -= len(name) + len(old)
		}
		every += n
		if !strings.HasPrefix(string(name), model.ReservedLabelPrefix) {
			own += n
		}
	}
	return own, every
}

// take returns what is to be passed on of what was found, and names what is wrong with it,
// once in the log. It returns nil where nothing is to be passed on.
func (r *running) take(groups []*targetgroup.Group) []*targetgroup.Group {
	all, wrong := takable(groups)
	if wrong == "" {
		r.config.watch.succeed(r.config)
		return all
	}
	r.config.watch.fail(r.config, wrong)
	if wrong != r.wrong {
		r.wrong = wrong
		r.logger.Error("Targets were left out", "why", wrong)
	}
	return all
}
