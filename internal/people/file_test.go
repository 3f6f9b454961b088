package people

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/internal/hint"
)

func TestReadFile(t *testing.T) {
	got, err := ReadFile("users.yaml", []byte("# our team\nadmin: [alice@example.com]\nEditor:\n  - ' bob '\n  - group:platform-team\n"+
		"viewer:\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []Want{{Who: "alice@example.com", Role: "ADMIN"}, {Who: "bob", Role: "EDITOR"}, {Who: "group:platform-team", Role: "EDITOR"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, empty := range []string{"", "# nobody\n", "admin: []\n"} {
		if got, err := ReadFile("users.yaml", []byte(empty)); err != nil || len(got) != 0 {
			t.Errorf("%q: %v, %v", empty, got, err)
		}
	}
}

func TestReadFileSaysWhatIsWrongAndWhere(t *testing.T) {
	for content, says := range map[string]string{
		"owner: [a]\n":                      `users.yaml:1: "owner" is not a role`,
		"admin: [a]\nviewer: [b, A]\n":      "users.yaml:2: A is already on line 1",
		"admin: a\n":                        "users.yaml:1: role admin must have a list of names",
		"admin:\n  - {name: a}\n":           "users.yaml:2: expected a user or group name",
		"- a\n":                             "users.yaml:1: expected the roles admin, editor and viewer as keys",
		"admin: [a\n":                       "users.yaml: ",
		"admin: [a]\n---\nviewer: [b]\n":    "more than one YAML document",
		"admin:\n  - ''\n":                  "users.yaml:2: expected a user or group name",
		"admin: [a]\nadmin: [a]\n":          "users.yaml:2: a is already on line 1",
		"viewer: [a@b.c, 'A@b.c ']\n":       "users.yaml:1: A@b.c is already on line 1",
		"viewer:\n- a@b.c\n- x\n- a@b.c \n": "users.yaml:4: a@b.c is already on line 2",
	} {
		_, err := ReadFile("users.yaml", []byte(content))
		if err == nil || !strings.Contains(err.Error(), says) || hint.CodeOf(err) != hint.BadInput {
			t.Errorf("%q: %v, want %q", content, err, says)
		}
	}
}

func FuzzReadFile(f *testing.F) {
	f.Add([]byte("admin: [alice@example.com]\nviewer:\n  - group:x\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		wants, err := ReadFile("f", content)
		if err != nil && hint.CodeOf(err) != hint.BadInput {
			t.Errorf("%v is not bad input", err)
		}
		for _, w := range wants {
			if w.Who == "" || w.Role == "" {
				t.Errorf("%+v", w)
			}
		}
	})
}
