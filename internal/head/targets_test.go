package head

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/discovery"
	"github.com/prometheus/prometheus/discovery/targetgroup"
)

// TestLargeLabels: a target whose labels are too large is left out and named, once in the log, and the
// others go on.
func TestLargeLabels(t *testing.T) {
	text := func(n int) model.LabelValue { return model.LabelValue(strings.Repeat("x", n)) }
	target := func(address, name string, n int) model.LabelSet {
		return model.LabelSet{model.AddressLabel: model.LabelValue(address), model.LabelName(name): text(n)}
	}
	tags := target("tags:1", "rack", 10)
	for i := range 50 {
		tags[model.LabelName(fmt.Sprintf("__meta_ec2_tag_%0128d", i))] = text(256)
	}
	groups := func() []*targetgroup.Group {
		return []*targetgroup.Group{
			{Source: "a", Labels: model.LabelSet{"cluster": text(10_000)}, Targets: []model.LabelSet{
				target("own:1", "rack", 900_000), target("small:1", "rack", 10), target("with-group:1", "rack", 7_000),
				target("meta:1", "__meta_x", 40_000), target("instead:1", "cluster", 10_000)}},
			{Source: "b", Targets: []model.LabelSet{tags, target("fine:1", "rack", 10)}},
			{Source: "c", Labels: model.LabelSet{"cluster": text(900_000)}, Targets: []model.LabelSet{target("group:1", "rack", 10)}},
			{Source: "d"}, // gone
		}
	}
	var log strings.Builder
	w := newWatch()
	d, err := w.over(map[string]discovery.Configs{"a": {&reading{"http", [][]*targetgroup.Group{groups(), groups(), groups()}}}})["a"][0].
		NewDiscoverer(discovery.DiscovererOptions{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	out, done := make(chan []*targetgroup.Group), make(chan struct{})
	go func() { d.Run(t.Context(), out); close(done) }()
	for range 2 {
		var got []string
		sources := ""
		for _, g := range <-out {
			sources += g.Source
			for _, one := range g.Targets {
				got = append(got, string(one[model.AddressLabel]))
			}
		}
		if want := "[small:1 instead:1 tags:1 fine:1]"; fmt.Sprint(got) != want || sources != "abcd" {
			t.Errorf("got %v of %s, want %s", got, sources, want)
		}
	}
	if all := w.status(); len(all) != 1 || !strings.Contains(all[0].Why, `4 targets are left out, such as "own:1"`) {
		t.Errorf("%+v", all)
	}
	<-out
	<-done
	if n := strings.Count(log.String(), "own:1"); n != 1 {
		t.Errorf("%d lines:\n%s", n, log.String())
	}
}

// TestManyTargets: an answer of too many targets is not taken, and what was found before stays.
func TestManyTargets(t *testing.T) {
	many := &targetgroup.Group{Source: "a"}
	for i := range maxTargets + 1 {
		many.Targets = append(many.Targets, model.LabelSet{model.AddressLabel: model.LabelValue(fmt.Sprint("a:", i))})
	}
	if all, wrong := takable([]*targetgroup.Group{many}); all != nil || !strings.Contains(wrong, "50001 targets were found") {
		t.Errorf("%d groups, %q", len(all), wrong)
	}
	many.Targets = many.Targets[1:]
	if all, wrong := takable([]*targetgroup.Group{many}); len(all) != 1 || wrong != "" {
		t.Errorf("%d groups, %q", len(all), wrong)
	}
}
