// Package wire is the language between parascope-node and its helper process
// parascope-nvml: one request a line, and an answer of lines that ends with "end".
//
//	init                     driver "580.126.20" "13.580.126"; count 8
//	gpu 3                    gpu 3 "GPU-…" "00000000:86:00.0" 3 "NVIDIA H100" 0 1; mig 0 1 0 "3g.40gb" "MIG-…" for each instance
//	read 3 temp f.82         v temp 0 34; v f.82 0 41; of instance 1 of its MIG devices: read 3.1 …
//	gpm 3 2 5                v 2 0 97.5; v 5 0 41.2: the mean since the request before; of GPU instance 9: gpm 3.9 …
//	forget                   the samples of gpm are dropped
//	events                   xid "00000000:86:00.0" 79
//
// Each value has its own NVML return code. "end CODE" has the code of the call that
// the others depend on.
package wire

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Return codes of NVML, and NoLibrary, which is the helper's own.
const (
	Success          = 0
	NotSupported     = 3
	NoPermission     = 4
	FunctionNotFound = 13
	GPULost          = 15
	ResetRequired    = 16
	Mismatch         = 18
	NoLibrary        = -2
)

// MaxLines and MaxLine bound an answer: a driver that reports more GPU instances
// than there can be must not fill the memory of a node.
const (
	MaxLines = 2048
	MaxLine  = 1024
)

// Value is one reading. Number holds no meaning unless Return is Success.
type Value struct {
	Item   string
	Return int
	Number float64
}

// GPU is what identifies a device. Instances are its MIG devices.
type GPU struct {
	Index     int
	UUID      string
	BusID     string // as NVML prints it: 00000000:86:00.0
	Minor     int    // of /dev/nvidiaN; -1 where it cannot be read
	Name      string
	MIG       bool
	GPM       bool // the driver can profile it without nv-hostengine
	Instances []Instance
}

// Instance is a MIG device.
type Instance struct {
	Index   int // among the MIG devices of its GPU
	GI, CI  int
	Profile string // 3g.40gb
	UUID    string
}

// XID is an event of the driver.
type XID struct {
	BusID string
	Code  int
}

// Answer is what one request came to.
type Answer struct {
	Return int
	Detail string // why there is no library
	Driver string
	NVML   string
	Count  int
	GPU    GPU
	Values []Value
	XIDs   []XID
	First  bool // gpm: there was no sample before, so there are no values
}

// Parse reads the lines of an answer, the last of which is "end CODE".
func Parse(lines []string) (Answer, error) {
	var a Answer
	if len(lines) == 0 {
		return a, errors.New("the response of the GPU helper is empty")
	}
	for i, line := range lines {
		words, err := Split(line)
		if err == nil {
			err = a.add(words, i == len(lines)-1)
		}
		if err != nil {
			return a, fmt.Errorf("could not parse line %d of the GPU helper's response, %.80q: %w", i+1, line, err)
		}
	}
	return a, nil
}

// shapes are the words of each kind of line: s for a string, i for an integer, f for
// a number.
var shapes = map[string]string{
	"end": "i", "error": "s", "driver": "ss", "count": "i", "first": "", "gpu": "issisii", "mig": "iiiss", "v": "sif", "xid": "si",
}

func (a *Answer) add(words []string, last bool) error {
	shape, known := shapes[words[0]]
	if !known || len(words) != len(shape)+1 || (words[0] == "end") != last {
		return errors.New("the line does not conform to the protocol of the GPU helper")
	}
	ints, numbers := make([]int, len(words)), make([]float64, len(words))
	for i, kind := range shape {
		var err error
		switch kind {
		case 'i':
			ints[i+1], err = strconv.Atoi(words[i+1])
		case 'f':
			numbers[i+1], err = strconv.ParseFloat(words[i+1], 64)
		}
		if err != nil {
			return err
		}
	}
	switch words[0] {
	case "end":
		a.Return = ints[1]
	case "error":
		a.Detail = words[1]
	case "driver":
		a.Driver, a.NVML = words[1], words[2]
	case "count":
		a.Count = ints[1]
	case "first":
		a.First = true
	case "gpu":
		a.GPU = GPU{Index: ints[1], UUID: words[2], BusID: words[3], Minor: ints[4], Name: words[5], MIG: ints[6] == 1, GPM: ints[7] == 1}
	case "mig":
		a.GPU.Instances = append(a.GPU.Instances, Instance{Index: ints[1], GI: ints[2], CI: ints[3], Profile: words[4], UUID: words[5]})
	case "v":
		a.Values = append(a.Values, Value{Item: words[1], Return: ints[2], Number: numbers[3]})
	case "xid":
		a.XIDs = append(a.XIDs, XID{BusID: words[1], Code: ints[2]})
	}
	return nil
}

// Split returns the words of a line. A word that begins with a quote is as
// strconv.Quote wrote it.
func Split(line string) ([]string, error) {
	var words []string
	for line = strings.TrimLeft(line, " "); line != ""; line = strings.TrimLeft(line, " ") {
		if line[0] != '"' {
			word, rest, _ := strings.Cut(line, " ")
			words, line = append(words, word), rest
			continue
		}
		quoted, err := strconv.QuotedPrefix(line)
		if err != nil {
			return nil, errors.New("a quote is not closed")
		}
		word, err := strconv.Unquote(quoted)
		if err != nil {
			return nil, err
		}
		words, line = append(words, word), line[len(quoted):]
	}
	if len(words) == 0 {
		return nil, errors.New("empty line")
	}
	return words, nil
}
