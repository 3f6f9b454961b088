package page

import (
	"errors"
	"log/slog"
	"path/filepath"
	"time"
)

// ErrAbsent says that the machine does not have what a collector measures, such as
// a card that it was not built with. That is no failure: the collector is left off
// the page until the machine has it. Open and Read return it. Where not even the
// place to look is there (no /sys), an ordinary error is right.
var ErrAbsent = errors.New("this machine does not have the device or file that is measured")

// Collector measures one thing. It stands in its package's literal list.
type Collector struct {
	Name      string // label "collector", and ?collect[]=
	Also      string // a collector of node_exporter that it stands for as well, for ?collect[]=
	Families  []*Family
	Sources   []string // files and calls, for people
	Privilege string   // what it needs beyond an ordinary user; empty if nothing
	// Deadline bounds one reading; 0 is the server's own (3 s). What misses it loses
	// its samples of this page, and is not read again before it has come back.
	Deadline time.Duration
	// Open prepares a reader. It is called at the first reading, and again at the
	// next one after it failed or the reader panicked.
	Open func(Env) (Reader, error)
}

// Reader reads what a collector measures. Its methods are called one at a time.
type Reader interface {
	// Read appends the samples of one reading. If it fails, all of them are dropped.
	Read(*Page) error
	Close() error
}

// Env is what a collector knows about its surroundings.
type Env struct {
	// Root is the directory that stands for /: "/" on a machine, another one for an
	// imitated tree. ProcFS and SysFS are Root's proc and sys unless they are given.
	Root, ProcFS, SysFS string

	Now    func() time.Time
	Logger *slog.Logger

	Full       bool     // families that are marked Full as well
	EachCPU    bool     // the stock shape: a series for each CPU
	EachDevice bool     // and for each disk and card
	Textfiles  []string // directories, or patterns of them
	Jobs       bool     // account for running jobs

	// Reserved are the names of the page's families, which nobody else may use.
	Reserved map[string]bool
}

// Proc is the path of a file of procfs.
func (e Env) Proc(name string) string { return filepath.Join(or(e.ProcFS, e.Path("proc")), name) }

// Sys is the path of a file of sysfs.
func (e Env) Sys(name string) string { return filepath.Join(or(e.SysFS, e.Path("sys")), name) }

// Path is where a path of the machine lies.
func (e Env) Path(name string) string { return filepath.Join(or(e.Root, "/"), name) }

// Imitated reports whether a tree stands for the machine. Collectors that ask the
// kernel other than by files leave that out then, or measure the machine they are on.
func (e Env) Imitated() bool { return or(e.Root, "/") != "/" }

func or(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}
