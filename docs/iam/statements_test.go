// Package iam_test proves the policies: that each statement is needed, and that
// nothing is granted that nobody uses. README.md says how to read them.
package iam_test

import (
	_ "embed"
	"slices"
	"testing"

	"github.com/parascope/parascope/internal/deploy"
	"github.com/parascope/parascope/internal/stack"
)

//go:embed unexercised.txt
var unexercisedText string

// TestEveryStatementIsNeeded takes each statement of the stack's policies away in
// turn: what it is for must fail, and work again when it is back.
func TestEveryStatementIsNeeded(t *testing.T) {
	written := templateStatements(t)
	c := startCloud(t)
	u := newUsers(t, c, c.up(t, deploy.UpOptions{}).Outputs)
	resources, err := stack.New(u.operator, stackName).Resources(t.Context(), stackName)
	if err != nil {
		t.Fatal(err)
	}
	listed := readUnexercised(t, unexercisedText)
	var found []string
	for _, p := range policies(t, u.operator, resources) {
		for _, s := range p.document.Statement {
			sid, _ := s["Sid"].(string)
			name := p.logicalID + " " + sid
			found = append(found, name)
			t.Run(name, func(t *testing.T) {
				exercise, ok := u.exercises()[name]
				cannot := slices.ContainsFunc(listed, func(l unexercised) bool { return l.String() == name })
				switch {
				case ok && cannot:
					t.Fatal("it has an exercise, and does not belong into unexercised.txt")
				case !ok && !cannot:
					t.Fatal("it has no exercise; if nothing here can show what it is for, name it in unexercised.txt, with a source")
				case ok:
					removeAndRestore(t, c, p, s, exercise)
				}
			})
		}
	}
	slices.Sort(found)
	slices.Sort(written)
	if !slices.Equal(found, written) {
		t.Errorf("the stack's statements are %q, the template's %q", found, written)
	}
}

func removeAndRestore(t *testing.T, c *cloud, p policy, statement map[string]any, exercise exercise) {
	t.Helper()
	sid, _ := statement["Sid"].(string)
	if err := p.set(p.document.without(sid, p.trust)); err != nil {
		t.Fatal(err)
	}
	c.asked.takeRefused()
	if p.trust { // who has a role's credentials keeps them for a while
		c.Restart()
	}
	err := exercise(t.Context())
	// Nothing is asked of a role that nobody may assume. Of all others it must be the
	// missing permission that was refused, and not another thing that failed.
	refused := c.asked.takeRefused()
	if err == nil || !p.trust && !slices.ContainsFunc(actions(statement), func(a string) bool { return refused[a] }) {
		t.Errorf("without it: error %v, refused %v", err, refused)
	} else {
		t.Log("without it: ", err)
	}
	if err := p.restore(); err != nil {
		t.Fatal(err)
	}
	if err := exercise(t.Context()); err != nil || len(c.asked.takeRefused()) > 0 {
		t.Errorf("with it back: %v", err)
	}
}
