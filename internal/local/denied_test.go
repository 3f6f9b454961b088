package local

import (
	"fmt"
	"io/fs"
	"syscall"
	"testing"

	"github.com/parascope/parascope/internal/hint"
)

// TestADataDirectoryOfSomebodyElse: the reason is said once, with what to do.
func TestADataDirectoryOfSomebodyElse(t *testing.T) {
	err := explainHeld(fmt.Errorf("open /d/cloud.db: %w", &fs.PathError{Op: "open", Path: "/d/cloud.db", Err: syscall.EACCES}))
	if err.Error() != "open /d/cloud.db: permission denied" || hint.CodeOf(err) != hint.BadInput || hint.Next(err) == "" {
		t.Errorf("%v, code %d, next %q", err, hint.CodeOf(err), hint.Next(err))
	}
}
