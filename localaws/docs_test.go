package localaws

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/imds"
)

// document is gateway.Document, from here.
const document = "docs/operations.md"

var update = flag.Bool("update", false, "rewrite "+document)

const preface = `# The local cloud

<!-- Written by "make gen" from the tables of operations in localaws; changes here are lost. -->

What the local cloud answers in AWS's place, on one address for all services, and how we know that AWS answers so:

- **confirmed**: a public source shows it;
- **inferred**: it follows from a source;
- **assumed**: nothing was found. Ask AWS before relying on it.

An operation marked 501 is known by its name and not implemented: it answers 501 and says so, in the shape of its
protocol. Every request but ` + "`GET /_localaws/health`" + ` must be signed (AWS Signature Version 4, in the Authorization header
or presigned) with a key from the data directory.

`

// allServices are the services as a cloud has them. Their tables do not depend on
// what is in the state.
func allServices(t *testing.T) []gateway.Service {
	t.Helper()
	machine := Role{Name: "machine"}
	cloud, err := New(Options{DataDir: t.TempDir(), IMDS: IMDS{Listen: "127.0.0.1:0", Role: machine}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cloud.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return append(cloud.parts.services(cloud.faults), imds.New(imds.Options{RoleARN: machine.ARN(), Region: "us-east-2"}).Service())
}

// TestDocs keeps the document what the tables say.
func TestDocs(t *testing.T) {
	if path.Join("localaws", document) != gateway.Document {
		t.Errorf("refusals name %s, the document is localaws/%s", gateway.Document, document)
	}
	all := allServices(t)
	want := preface + summary(all) + strings.TrimRight(gateway.Markdown(all), "\n") + "\n"
	if *update {
		if err := os.WriteFile(document, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("%s is not what the tables say; run make gen (-want +got):\n%s", document, diff)
	}
}

// summary counts, so that a reader sees at once how much is known.
func summary(all []gateway.Service) string {
	var b strings.Builder
	b.WriteString("| Service | Operations | Answered | Confirmed | Inferred | Assumed |\n|---|---|---|---|---|---|\n")
	for _, s := range all {
		answered := 0
		basis := map[gateway.Basis]int{}
		for _, op := range s.Operations {
			if op.Serve != nil {
				answered++
			}
		}
		for _, r := range rules(s) {
			basis[r.Basis]++
		}
		fmt.Fprintf(&b, "| %s (`%s`) | %d | %d | %d | %d | %d |\n", s.Title, s.Name, len(s.Operations), answered,
			basis[gateway.Confirmed], basis[gateway.Inferred], basis[gateway.Assumed])
	}
	return b.String() + "\n"
}

// rules are those of the service and of all its operations.
func rules(s gateway.Service) []gateway.Rule {
	all := s.Rules[:len(s.Rules):len(s.Rules)]
	for _, op := range s.Operations {
		all = append(all, op.Rules...)
	}
	return all
}

// TestEveryRuleSaysHowItIsKnown: a behaviour without a basis and a source would be
// read as a fact.
func TestEveryRuleSaysHowItIsKnown(t *testing.T) {
	for _, s := range allServices(t) {
		if s.Title == "" || s.SigningName == "" || s.Version == "" || s.Protocol == 0 {
			t.Errorf("service %s is described in part only: %q %q %q %d", s.Name, s.Title, s.SigningName, s.Version, s.Protocol)
		}
		for _, r := range rules(s) {
			known := r.Basis == gateway.Confirmed || r.Basis == gateway.Inferred || r.Basis == gateway.Assumed
			if !known || r.Text == "" || r.Source == "" {
				t.Errorf("%s: rule %+v has no text, basis or source", s.Name, r)
			}
		}
	}
}
