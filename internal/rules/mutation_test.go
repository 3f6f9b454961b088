package rules_test

import (
	"flag"
	"fmt"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/parascope/parascope/internal/rules"
)

var part = flag.String("part", "1/12", "which part of the mutations of thresholds is tried")

// threshold is a number that an expression compares with.
var threshold = regexp.MustCompile(`(==|!=|>=|<=|>|<)( bool)? (-?[0-9.]+)`)

// changed is an alert with one threshold or its time changed.
type changed struct {
	what  string
	alert rules.Alert
}

// mutants are the alert with each threshold, and with its time, doubled and halved; 0 and 1
// become each other.
func mutants(a rules.Alert) (all []changed) {
	for _, at := range threshold.FindAllStringSubmatchIndex(a.Expr, -1) {
		text := a.Expr[at[6]:at[7]]
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			continue
		}
		for _, other := range othersOf(value) {
			m := a
			m.Expr = a.Expr[:at[6]] + strconv.FormatFloat(other, 'g', -1, 64) + a.Expr[at[7]:]
			all = append(all, changed{fmt.Sprintf("%s becomes %v", a.Expr[at[0]:at[1]], other), m})
		}
	}
	for _, other := range []time.Duration{a.For * 2, a.For / 2} {
		if a.For > 0 {
			m := a
			m.For = other
			all = append(all, changed{fmt.Sprintf("for %s becomes %s", a.For, other), m})
		}
	}
	return all
}

func othersOf(value float64) []float64 {
	switch value {
	case 0:
		return []float64{1e12, -1}
	case 1:
		return []float64{0}
	}
	return []float64{value * 2, value / 2}
}

// TestThresholds changes each threshold and time of each alert: on some fault or on a
// healthy cluster the alert must then be another.
func TestThresholds(t *testing.T) {
	var n, of int
	if _, err := fmt.Sscanf(*part, "%d/%d", &n, &of); err != nil || of < 1 {
		t.Fatalf("-part %q is not N/M", *part)
	}
	number, tried := 0, 0
	for _, g := range rules.Groups() {
		for _, a := range g.Alerts {
			units := healthyUnits(a.Name)
			for _, f := range faults {
				if f.alert == a.Name {
					units = append(units, unitOf(f))
				}
			}
			for _, m := range mutants(a) {
				if number++; number%of != n%of {
					continue
				}
				tried++
				alone := g
				alone.Alerts = []rules.Alert{m.alert}
				if _, err := evaluate(t, []rules.Group{alone}, units); err == nil {
					t.Errorf("%s: nothing notices that %s", a.Name, m.what)
				}
			}
		}
	}
	t.Logf("%d of %d mutations were tried", tried, number)
}
