package device

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// adminCommand is struct nvme_passthru_cmd of linux/nvme_ioctl.h, 72 bytes.
type adminCommand struct {
	opcode, flags    uint8
	_                uint16
	namespace        uint32
	_, _             uint32
	_, address       uint64
	_, length        uint32
	dword10, dword11 uint32
	_, _, _, _       uint32
	timeout, _       uint32
}

const (
	ioctlAdminCommand  = 0xC0484E41 // NVME_IOCTL_ADMIN_CMD
	opcodeGetLogPage   = 0x02
	firstNamespace     = 1
	adminTimeoutMillis = 1000
)

// errNoSuchPage says that the device answered that it does not have the log page.
var errNoSuchPage = errors.New("the device does not support the NVMe log page")

// askLogPage fills buf, of logPageSize bytes, with the log page of the NVMe device at
// path, such as /dev/nvme0. That needs CAP_SYS_ADMIN. The error is errNoSuchPage for
// devices without it, otherwise an *os.PathError.
func askLogPage(path string, buf []byte) error {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	var pin runtime.Pinner
	defer pin.Unpin()
	pin.Pin(&buf[0])
	cmd := adminCommand{
		opcode: opcodeGetLogPage, namespace: firstNamespace,
		address: uint64(uintptr(unsafe.Pointer(&buf[0]))), length: uint32(len(buf)),
		dword10: logPageID | uint32(len(buf)/4-1)<<16, timeout: adminTimeoutMillis,
	}
	status, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), ioctlAdminCommand, uintptr(unsafe.Pointer(&cmd)))
	switch {
	case errno != 0:
		return &os.PathError{Op: "read NVMe log page of", Path: path, Err: errno}
	case status != 0:
		return fmt.Errorf("%s: NVMe status %#x: %w", path, status, errNoSuchPage)
	}
	return nil
}
