package amp_test

import (
	"strings"
	"testing"

	"github.com/parascope/parascope/internal/amp"
	"github.com/parascope/parascope/internal/hint"
)

func TestFindWorkspace(t *testing.T) {
	one := []summary{{"ws-1", "prod", "ACTIVE"}}
	ending := []summary{{"ws-1", "prod", "DELETING"}, {"ws-2", "prod", "CREATION_FAILED"}, {"ws-3", "prod", "ACTIVE"}}
	many := []summary{{"ws-1", "prod", "ACTIVE"}, {"ws-2", "dev", "UPDATING"}, {"ws-3", "dev", "ACTIVE"}, {"ws-4", "", "CREATING"},
		{"ws-5", "last", "ACTIVE"}}
	odd := []summary{{"ws-1", "ws-alias", "ACTIVE"}}
	tests := []struct {
		name       string
		workspaces []summary
		asked      string
		want       string   // id
		listed     []string // in the error, when there is no id
	}{
		{"the only one", one, "", "ws-1", nil},
		{"the only one that can be asked", ending, "", "ws-3", nil},
		{"by id", many, "ws-2", "ws-2", nil},
		{"by alias", many, "prod", "ws-1", nil},
		{"by alias on the last page", many, "last", "ws-5", nil},
		{"by an alias that looks like an id", odd, "ws-alias", "ws-1", nil},
		{"several", many, "", "", []string{"ws-1", "ws-2", "ws-3", "ws-5", "prod", "UPDATING"}},
		{"alias of two", many, "dev", "", []string{"ws-2", "ws-3", `"dev"`}},
		{"unknown alias", many, "staging", "", []string{"ws-1", "ws-5", `"staging"`}},
		{"unknown id", many, "ws-9", "", []string{"ws-1", "ws-5", `"ws-9"`}},
		{"not ready, by id", many, "ws-4", "", []string{"ws-4", "CREATING"}},
		{"not ready, alone", []summary{{"ws-4", "new", "CREATING"}}, "", "", []string{"ws-4", "CREATING"}},
		{"none at all", nil, "", "", []string{region}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newStub(t, tt.workspaces...)
			w, err := amp.FindWorkspace(t.Context(), s.config(), tt.asked)
			if tt.want != "" {
				if err != nil || w.ID != tt.want || !strings.HasPrefix(w.Endpoint, s.URL) {
					t.Fatalf("found %+v, error %v; want %s", w, err, tt.want)
				}
				return
			}
			if hint.CodeOf(err) != hint.NotFound || hint.Next(err) == "" {
				t.Fatalf("found %+v, error %v, code %d; want NotFound with a next step", w, err, hint.CodeOf(err))
			}
			for _, word := range tt.listed {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("the error does not speak of %s: %v", word, err)
				}
			}
		})
	}
}

func TestRefusedListingIsDenied(t *testing.T) {
	s := newStub(t)
	cfg := s.config()
	cfg.Region = "us-west-1" // signed for another region than the stub's
	_, err := amp.FindWorkspace(t.Context(), cfg, "")
	if hint.CodeOf(err) != hint.Denied || !strings.Contains(err.Error(), "AccessDeniedException") {
		t.Errorf("error %v, code %d; want Denied and AWS' words", err, hint.CodeOf(err))
	}
}
