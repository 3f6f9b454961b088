package check

import (
	"os"
	"runtime"
	"syscall"
	"testing"
)

// AsNobody calls f as a user other than root: with no more rights on files than that one has. The threads of other
// goroutines, also of those that f starts, stay root's. Where the test is not root's it is skipped.
func AsNobody(t testing.TB, f func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("the test needs root, to have files of two users")
	}
	const keep = ^uintptr(0)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for _, uid := range []uintptr{65534, 0} {
		if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, keep, uid, keep); errno != 0 {
			t.Fatal(errno)
		}
		if uid != 0 {
			f()
		}
	}
}
