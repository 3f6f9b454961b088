package nvml

import (
	"strconv"
	"strings"

	"github.com/parascope/parascope/internal/collect/gpu/wire"
)

// Offsets and the size of nvmlFieldValue_t.
const (
	fieldID     = 0
	fieldScope  = 4
	fieldType   = 24
	fieldReturn = 28
	fieldValue  = 32
	fieldSize   = 40
)

// maxFields is how many field values one request may ask for.
const maxFields = 128

// field is a value that is read by number.
type field struct {
	id, scope uint32
	place     int // among the values of the request
}

// parseField reads ID or ID.SCOPE. A scope of 4294967295 is all links together.
func parseField(text string, place int) (field, bool) {
	id, scope, scoped := strings.Cut(text, ".")
	n, err := strconv.ParseUint(id, 10, 32)
	if err != nil {
		return field{}, false
	}
	f := field{id: uint32(n), place: place}
	if scoped {
		s, err := strconv.ParseUint(scope, 10, 32)
		if err != nil {
			return field{}, false
		}
		f.scope = uint32(s)
	}
	return f, true
}

// fieldValues reads all fields in one call, each with its own return code.
func (l *library) fieldValues(device uintptr, fields []field, values []wire.Value) {
	if len(fields) == 0 {
		return
	}
	for _, f := range fields[min(len(fields), maxFields):] {
		values[f.place].Return = wire.NotSupported
	}
	fields = fields[:min(len(fields), maxFields)]
	l.clear(fieldSize * len(fields))
	for i, f := range fields {
		l.putU32(i*fieldSize+fieldID, f.id)
		l.putU32(i*fieldSize+fieldScope, f.scope)
	}
	r := l.call("nvmlDeviceGetFieldValues", device, uintptr(len(fields)), l.base)
	for i, f := range fields {
		v := &values[f.place]
		if v.Return = r; r == wire.Success {
			v.Return = int(int32(l.u32(i*fieldSize + fieldReturn)))
		}
		if v.Return == wire.Success {
			v.Number, v.Return = l.typed(l.u32(i*fieldSize+fieldType), i*fieldSize+fieldValue)
		}
	}
}

// typed reads a value of one of NVML's types (nvmlValueType_t).
func (l *library) typed(kind uint32, at int) (float64, int) {
	switch kind {
	case 0: // double
		return l.f64(at), wire.Success
	case 1: // unsigned int
		return float64(l.u32(at)), wire.Success
	case 2, 3: // unsigned long, unsigned long long
		return float64(l.u64(at)), wire.Success
	case 4: // signed long long
		return float64(int64(l.u64(at))), wire.Success
	case 5: // signed int
		return float64(int32(l.u32(at))), wire.Success
	case 6: // unsigned short
		return float64(uint16(l.u32(at))), wire.Success
	}
	return 0, wire.NotSupported
}
