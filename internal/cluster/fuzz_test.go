package cluster

import (
	"bytes"
	"testing"

	"github.com/parascope/parascope/internal/cluster/document"
	"github.com/parascope/parascope/internal/hint"
)

// FuzzAttach: attach and detach never panic, their results parse, a second attach
// changes nothing, and detach gives back what was there before, to the byte.
func FuzzAttach(f *testing.F) {
	for _, b := range configurations(f) {
		f.Add(b, false)
		f.Add(b, true)
	}
	for _, text := range aliased() {
		f.Add([]byte(text), false)
		f.Add([]byte(text), true)
	}
	for _, b := range badConfigurations {
		f.Add([]byte(b.text), false)
	}
	f.Fuzz(func(t *testing.T, in []byte, exists bool) {
		want := newCluster
		if exists {
			want = running
		}
		attached, err := Attach(configurator, in, want)
		if err != nil {
			if hint.CodeOf(err) != hint.BadInput || hint.Next(err) == "" {
				t.Fatalf("the error has exit code %d and the next step %q: %v", hint.CodeOf(err), hint.Next(err), err)
			}
			return
		}
		again, err := Attach(configurator, attached.Text, want)
		if err != nil {
			t.Fatalf("a second run: %v", err)
		}
		if len(again.Changes) != 0 || !bytes.Equal(again.Text, attached.Text) {
			t.Fatalf("a second run changes %v", again.Changes)
		}
		before, err := Detach(configurator, in, Without{Part: All})
		if err != nil || len(before.Changes) > 0 || bytes.Contains(in, []byte(document.Marker)) ||
			bytes.Contains(in, []byte(document.FlowMarker)) {
			return // it has something of ours before attach
		}
		if refer, err := Attach(configurator, in, referring(want)); err == nil {
			other, err := Attach(configurator, attached.Text, referring(want))
			if err != nil {
				t.Fatalf("references in place of ARNs: %v", err)
			}
			if !bytes.Equal(other.Text, refer.Text) {
				t.Fatalf("references in place of ARNs:\n%s\nwant\n%s", other.Text, refer.Text)
			}
		}
		detached, err := Detach(configurator, attached.Text, Without{Part: All})
		if err != nil {
			t.Fatalf("detach: %v\n%s", err, attached.Text)
		}
		inTwoUpdates(t, attached.Text, detached.Text, exists)
		if !bytes.Equal(detached.Text, in) {
			t.Fatalf("detach does not restore the bytes:\n%q\n%q", in, detached.Text)
		}
	})
}

// inTwoUpdates: a running cluster that was attached while it ran has nothing left after the scripts and then the
// policies are detached, and the policies are not detached before.
func inTwoUpdates(t *testing.T, attached, detached []byte, exists bool) {
	t.Helper()
	if _, err := Detach(configurator, attached, Without{Running: true, Part: Policies}); bytes.Contains(attached, []byte(testScript)) &&
		exists && err == nil {
		t.Fatalf("the policies are detached from nodes that run the script:\n%s", attached)
	}
	for _, part := range []Part{Scripts, Policies} {
		got, err := Detach(configurator, attached, Without{Running: true, Part: part})
		switch {
		case err != nil && (exists || hint.Next(err) == ""):
			t.Fatalf("detach, part %s: %v\n%s", part, err, attached)
		case err != nil:
			return // head and login nodes keep what they share with queues
		}
		attached = got.Text
	}
	if exists && !says(t, attached).equal(says(t, detached)) {
		t.Fatalf("two updates leave another document:\n%s\n%s", attached, detached)
	}
}

// referring is the same with references to a template's policies.
func referring(w Want) Want {
	w.HeadPolicies, w.NodePolicies = []string{Reference("RemoteWritePolicy"), Reference("NodePolicy")}, []string{Reference("NodePolicy")}
	return w
}

// says is what a configuration says, in the one form of plain.
func says(t *testing.T, b []byte) *value {
	t.Helper()
	d, err := parse(configurator, b)
	if err != nil {
		t.Fatal(err)
	}
	v, err := newValue(d.Root)
	if err != nil {
		t.Fatal(err)
	}
	d.clusterOf(v).plain()
	return v
}
