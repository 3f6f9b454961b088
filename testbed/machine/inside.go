//go:build linux

package machine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// Inside turns this process, the first of new namespaces, into the first process of
// the machine that file 3 describes. It returns before anything runs there; ready
// is to be called then, with what hindered it, or nil.
func Inside(ctx context.Context) (s Spec, ready func(error) error, err error) {
	answer := os.NewFile(4, "ready")
	ready = func(err error) error {
		text := "ready"
		if err != nil {
			text = err.Error()
		}
		_, wrote := fmt.Fprintln(answer, text)
		return errors.Join(wrote, answer.Close())
	}
	unix.CloseOnExec(3)
	unix.CloseOnExec(4)
	if s, err = read(os.NewFile(3, "spec")); err != nil {
		return s, ready, err
	}
	if err := s.mountRoot(); err != nil {
		return s, ready, err
	}
	if err := unix.Sethostname([]byte(s.Hostname)); err != nil {
		return s, ready, fmt.Errorf("set the host name: %w", err)
	}
	if err := ipBatch(ctx, "link set lo up", "addr add 169.254.169.254/32 dev lo", "addr add "+s.Address.String()+" dev eth0",
		"link set eth0 up"); err != nil {
		return s, ready, err
	}
	return s, ready, s.writeFirstFiles()
}

// mount is one call of mount(2).
type mount struct {
	source, target, kind string
	flags                uintptr
	data                 string
}

// mountRoot makes the machine's file systems, and makes them its root.
func (s Spec) mountRoot() error {
	exe, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	upper, work, root := filepath.Join(s.Disk, "upper"), filepath.Join(s.Disk, "work"), filepath.Join(s.Disk, "root")
	for _, d := range []string{upper, work, root} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return fmt.Errorf("prepare the disk: %w", err)
		}
	}
	binds := append([]Bind{{exe, Program}}, s.Binds...)
	mounts := []mount{
		{"", "/", "", unix.MS_REC | unix.MS_PRIVATE, ""},
		{"overlay", root, "overlay", 0, "lowerdir=/,upperdir=" + upper + ",workdir=" + work},
		{"proc", root + "/proc", "proc", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, ""},
		{"sysfs", root + "/sys", "sysfs", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, ""},
		// Slurm's daemon ends where it finds no control groups, even when told to use none.
		{"/sys/fs/cgroup", root + "/sys/fs/cgroup", "", unix.MS_BIND | unix.MS_REC, ""},
		{"tmpfs", root + "/dev", "tmpfs", unix.MS_NOSUID, "mode=755,size=1m"},
		{"tmpfs", root + "/run", "tmpfs", unix.MS_NOSUID | unix.MS_NODEV, "mode=755,size=64m"},
		{"tmpfs", root + "/tmp", "tmpfs", unix.MS_NOSUID | unix.MS_NODEV, "mode=1777,size=256m"},
	}
	for _, m := range mounts {
		if err := unix.Mount(m.source, m.target, m.kind, m.flags, m.data); err != nil {
			return fmt.Errorf("mount %s on %s: %w", m.source, m.target, err)
		}
	}
	if err := s.makeDevices(root + "/dev"); err != nil {
		return err
	}
	if err := s.listGPUs(root + "/sys/bus/pci/devices"); err != nil {
		return err
	}
	for _, b := range binds {
		if err := bind(b.From, root+b.To); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(root+"/run/old-root", 0o700); err != nil {
		return fmt.Errorf("prepare the change of root: %w", err)
	}
	if err := unix.PivotRoot(root, root+"/run/old-root"); err != nil {
		return fmt.Errorf("change the root: %w", err)
	}
	if err := errors.Join(os.Chdir("/"), unix.Unmount("/run/old-root", unix.MNT_DETACH), os.Remove("/run/old-root")); err != nil {
		return fmt.Errorf("leave the host's root: %w", err)
	}
	return nil
}

// bind puts a file or a directory at a place that need not exist.
func bind(from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return fmt.Errorf("share %s: %w", from, err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return fmt.Errorf("share %s: %w", from, err)
	}
	if info.IsDir() {
		err = os.MkdirAll(to, 0o755)
	} else {
		var f *os.File
		if f, err = os.OpenFile(to, os.O_CREATE, 0o644); err == nil {
			err = f.Close()
		}
	}
	if err == nil {
		err = unix.Mount(from, to, "", unix.MS_BIND|unix.MS_REC, "")
	}
	if err != nil {
		return fmt.Errorf("share %s: %w", from, err)
	}
	return nil
}

// makeDevices fills /dev. The GPUs' have no driver behind them: Slurm wants the
// files, and nothing else opens them. A machine with GPUs has a kernel log of its own, a file
// in which messages of their driver can be written; others read this kernel's.
func (s Spec) makeDevices(dev string) error {
	devices := map[string]uint64{"null": unix.Mkdev(1, 3), "zero": unix.Mkdev(1, 5), "full": unix.Mkdev(1, 7), "random": unix.Mkdev(1, 8),
		"urandom": unix.Mkdev(1, 9), "tty": unix.Mkdev(5, 0), "kmsg": unix.Mkdev(1, 11)}
	for i := range s.GPUs {
		devices["nvidia"+strconv.Itoa(i)] = unix.Mkdev(195, uint32(i))
	}
	if s.GPUs > 0 {
		delete(devices, "kmsg")
		if err := os.WriteFile(dev+"/kmsg", []byte("6,0,0,-;Linux of the test bed\n"), 0o644); err != nil {
			return fmt.Errorf("make the kernel's log: %w", err)
		}
	}
	old := unix.Umask(0)
	defer unix.Umask(old)
	for name, number := range devices {
		if err := unix.Mknod(dev+"/"+name, unix.S_IFCHR|0o666, int(number)); err != nil {
			return fmt.Errorf("make device %s: %w", name, err)
		}
	}
	for name, target := range map[string]string{"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2",
		"ptmx": "pts/ptmx"} {
		if err := os.Symlink(target, dev+"/"+name); err != nil {
			return fmt.Errorf("make device %s: %w", name, err)
		}
	}
	for _, m := range []mount{
		{"devpts", dev + "/pts", "devpts", unix.MS_NOSUID | unix.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620"},
		{"tmpfs", dev + "/shm", "tmpfs", unix.MS_NOSUID | unix.MS_NODEV, "mode=1777,size=64m"},
	} {
		if err := os.Mkdir(m.target, 0o755); err != nil {
			return fmt.Errorf("make device %s: %w", m.target, err)
		}
		if err := unix.Mount(m.source, m.target, m.kind, m.flags, m.data); err != nil {
			return fmt.Errorf("mount %s: %w", m.target, err)
		}
	}
	return nil
}

// listGPUs puts the GPUs onto the PCI bus, where programs look for them before there is a
// driver. The bus has nothing else then.
func (s Spec) listGPUs(bus string) error {
	if _, err := os.Stat(bus); s.GPUs == 0 || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := unix.Mount("tmpfs", bus, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "mode=755,size=1m"); err != nil {
		return fmt.Errorf("mount tmpfs on %s: %w", bus, err)
	}
	for i := range s.GPUs {
		dir := fmt.Sprintf("%s/0000:%02x:00.0", bus, 0x53+0x11*i)
		if err := errors.Join(os.Mkdir(dir, 0o755), os.WriteFile(dir+"/vendor", []byte("0x10de\n"), 0o444)); err != nil {
			return fmt.Errorf("list a GPU: %w", err)
		}
	}
	return nil
}

// writeFirstFiles writes what the machine's programs find of its description.
func (s Spec) writeFirstFiles() error {
	for file, text := range map[string]string{
		UserDataFile: string(s.UserData), InstanceFile: s.ID + "\n", "/etc/hostname": s.Hostname + "\n",
		// A name that nobody has must be refused at once: slurmctld waits for name servers with its locks held.
		"/etc/nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\nhosts: files\n",
		"/etc/hosts":         "127.0.0.1 localhost\n" + s.Address.Addr().String() + " " + s.Hostname + "\n",
		"/etc/resolv.conf":   "# no name server: a machine of the test bed reaches the local cloud and its cluster\n",
	} {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return fmt.Errorf("write the machine's first files: %w", err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return fmt.Errorf("write the machine's first files: %w", err)
		}
	}
	// The host may have Prometheus; ParallelCluster's images have not.
	for _, unit := range []string{"prometheus", "prometheus-node-exporter"} {
		file := "/usr/lib/systemd/system/" + unit + ".service"
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("hide a service of the host: %w", err)
		}
	}
	return nil
}
