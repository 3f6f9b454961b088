package device

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"
)

// ebsLogPage is the log page of an EBS volume, field by field, as AWS's drivers lay
// it out. Tests make their pages from it, so that an offset that is wrong in the
// decoder is not wrong here too.
type ebsLogPage struct {
	Magic                            uint64
	ReadOps, WriteOps                uint64
	ReadBytes, WriteBytes            uint64
	ReadTime, WriteTime              uint64
	VolumeIOPS, VolumeThroughput     uint64
	InstanceIOPS, InstanceThroughput uint64
	QueueLength                      uint64
	Reserved                         [416]byte
	ReadLatency, WriteLatency        struct {
		Bins      uint64
		Histogram [64]struct{ Lower, Upper, Count uint64 }
	}
}

// instanceStoreLogPage is that of an instance-store disk.
type instanceStoreLogPage struct {
	Magic, Reserved          uint32
	ReadOps, WriteOps        uint64
	ReadBytes, WriteBytes    uint64
	ReadTime, WriteTime      uint64
	Unused                   [2]uint64
	DiskIOPS, DiskThroughput uint64
	QueueLength              uint64
	Histograms, Bins         uint32
	Sizes                    [8]uint32
	Bounds                   [32]struct{ Lower, Upper uint64 }
	Counts                   [5]struct{ Read, Write [32]uint64 }
}

// logPageOf lays page out in the 4096 bytes that a device returns.
func logPageOf(t testing.TB, page any) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := binary.Write(&b, binary.LittleEndian, page); err != nil {
		t.Fatal(err)
	}
	if b.Len() > logPageSize {
		t.Fatalf("the page has %d bytes", b.Len())
	}
	return append(b.Bytes(), make([]byte, logPageSize-b.Len())...)
}

func TestDecodeLogPage(t *testing.T) {
	ebs := ebsLogPage{Magic: 0x3C23B510, ReadOps: 1, WriteOps: 2, ReadBytes: 3, WriteBytes: 4, ReadTime: 5, WriteTime: 6,
		VolumeIOPS: 7, VolumeThroughput: 8, InstanceIOPS: 9, InstanceThroughput: 1<<64 - 1, QueueLength: 11}
	ofEBS := limits{ebs: true, volumeIOPS: 7, volumeThroughput: 8, instanceIOPS: 9, instanceThroughput: 1<<64 - 1}
	store := instanceStoreLogPage{Magic: 0xEC2C0D7E, Reserved: 99, Unused: [2]uint64{77, 88}, DiskIOPS: 9, DiskThroughput: 10}
	for name, tc := range map[string]struct {
		page []byte
		want limits
		err  bool
	}{
		"EBS":             {page: logPageOf(t, ebs), want: ofEBS},
		"instance store":  {page: logPageOf(t, store), want: limits{instanceIOPS: 9, instanceThroughput: 10}},
		"another vendor":  {page: make([]byte, logPageSize), err: true},
		"half a header":   {page: logPageOf(t, ebs)[:95], err: true},
		"nothing":         {err: true},
		"EBS's low half":  {page: logPageOf(t, instanceStoreLogPage{Magic: 0x3C23B510, Reserved: 1}), err: true},
		"only the header": {page: logPageOf(t, ebs)[:96], want: ofEBS},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := decodeLogPage(tc.page)
			if errors.Is(err, errNoLogPage) != tc.err {
				t.Fatalf("error %v; want one: %v", err, tc.err)
			}
			if got != tc.want {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
		})
	}
}

func FuzzLogPage(f *testing.F) {
	f.Add(logPageOf(f, ebsLogPage{Magic: 0x3C23B510, VolumeIOPS: 7}))
	f.Add(logPageOf(f, instanceStoreLogPage{Magic: 0xEC2C0D7E, DiskIOPS: 9}))
	f.Add([]byte{0x10, 0xb5, 0x23, 0x3c})
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := decodeLogPage(b)
		if err != nil && l != (limits{}) {
			t.Errorf("error %v with values %+v", err, l)
		}
		if err == nil && !l.ebs && l.volumeIOPS|l.volumeThroughput != 0 {
			t.Errorf("an instance-store disk has a volume's limits: %+v", l)
		}
	})
}
