// Package nvml calls NVIDIA's management library, libnvidia-ml.so.1, without cgo.
// Only the helper process parascope-nvml links it: a program that can load a shared
// library is linked dynamically itself, and a driver that hangs or crashes takes the
// whole process with it. Struct layouts are those of nvml.h for 64-bit Linux.
package nvml

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"unsafe"

	"github.com/ebitengine/purego"

	"github.com/parascope/parascope/internal/collect/gpu/wire"
)

// memory is what the library reads structs from and writes them to. It is allocated
// once and never moves, so its address may be held as an integer.
type memory [16384]byte

// library is the loaded library. Symbols are looked up one at a time, when they are
// first called, so that an older driver lacks single values and not all of them.
type library struct {
	handle  uintptr
	symbols map[string]uintptr // 0: the driver does not have it
	out     *memory
	base    uintptr // of out
}

func open(path string) (*library, error) {
	handle, err := purego.Dlopen(path, purego.RTLD_LAZY)
	if err != nil {
		return nil, fmt.Errorf("could not load %s: %w", path, err)
	}
	l := &library{handle: handle, symbols: map[string]uintptr{}, out: new(memory)}
	l.base = uintptr(unsafe.Pointer(l.out))
	return l, nil
}

func (l *library) symbol(name string) uintptr {
	address, known := l.symbols[name]
	if !known {
		if found, err := purego.Dlsym(l.handle, name); err == nil {
			address = found
		}
		l.symbols[name] = address
	}
	return address
}

// has reports whether the driver exports a function.
func (l *library) has(name string) bool { return l.symbol(name) != 0 }

// call returns NVML's return code.
func (l *library) call(name string, args ...uintptr) int {
	address := l.symbol(name)
	if address == 0 {
		return wire.FunctionNotFound
	}
	r, _, _ := purego.SyscallN(address, args...)
	return int(int32(r))
}

// clear sets the first n bytes of the memory to 0.
func (l *library) clear(n int) { clear(l.out[:n]) }

func (l *library) u32(at int) uint32        { return binary.LittleEndian.Uint32(l.out[at:]) }
func (l *library) u64(at int) uint64        { return binary.LittleEndian.Uint64(l.out[at:]) }
func (l *library) f64(at int) float64       { return math.Float64frombits(l.u64(at)) }
func (l *library) putU32(at int, v uint32)  { binary.LittleEndian.PutUint32(l.out[at:], v) }
func (l *library) putPtr(at int, v uintptr) { binary.LittleEndian.PutUint64(l.out[at:], uint64(v)) }
func (l *library) address(at int) uintptr   { return l.base + uintptr(at) }
func (l *library) pointer(at int) uintptr   { return uintptr(l.u64(at)) }
func (l *library) text(at, length int) string {
	b, _, _ := bytes.Cut(l.out[at:at+length], []byte{0})
	return string(b)
}

// uint32Of calls a function whose last argument takes one unsigned int.
func (l *library) uint32Of(name string, args ...uintptr) (float64, int) {
	l.clear(8)
	r := l.call(name, append(args, l.base)...)
	return float64(l.u32(0)), r
}

// textOf calls a function whose last arguments are a buffer and its length.
func (l *library) textOf(name string, args ...uintptr) (string, int) {
	const length = 128
	l.clear(length)
	r := l.call(name, append(args, l.base, length)...)
	if r != wire.Success {
		return "", r
	}
	return l.text(0, length), r
}
