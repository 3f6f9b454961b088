package environment

import (
	"debug/elf"
	"os"
	"path/filepath"
	"syscall"
)

// machines are Lambda's architectures, as ELF numbers them.
func machines() map[string]elf.Machine {
	return map[string]elf.Machine{"x86_64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}
}

// runs refuses a program of another architecture than the function's, with the error
// that starting it on Lambda's machines gives: this machine might well run it. What
// is no ELF file, a script for one, runs anywhere or nowhere.
func (f Function) runs() error {
	name := filepath.Join(f.Dir, "bootstrap")
	program, err := elf.Open(name)
	if err != nil {
		return nil // the start itself says what is wrong
	}
	defer program.Close()
	if want, known := machines()[f.Architecture]; known && program.Machine != want {
		return &os.PathError{Op: "fork/exec", Path: name, Err: syscall.ENOEXEC}
	}
	return nil
}
