package local

import "syscall"

// ownGroup keeps the terminal's Ctrl-C from the child, which is stopped in
// order, and ends it when this process dies without stopping it.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
