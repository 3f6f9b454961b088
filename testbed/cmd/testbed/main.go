//go:build linux

// Command testbed runs a whole cluster on one machine: see ../../README.md. It is
// also what the cluster's machines have in the place of systemctl, pcluster and
// ParallelCluster's programs; the name it is called by says which.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/parascope/parascope/testbed/fleet"
	"github.com/parascope/parascope/testbed/node"
	"github.com/parascope/parascope/testbed/units"
)

// exitMissing says that this machine lacks something the test bed needs.
const exitMissing = 77

// exitError ends the program with a code and nothing more said.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := called(ctx, filepath.Base(os.Args[0]), os.Args[1:])
	if code, ok := errors.AsType[exitError](err); ok {
		return int(code)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		if errors.As(err, new(*missingError)) {
			return exitMissing
		}
		return 1
	}
	return 0
}

// called does what the program of this name does.
func called(ctx context.Context, name string, args []string) error {
	switch name {
	case "systemctl":
		a, err := units.Ask(ctx, args)
		fmt.Fprint(os.Stdout, a.Out)
		fmt.Fprint(os.Stderr, a.Err)
		if err == nil && a.Code != 0 {
			err = exitError(a.Code)
		}
		return err
	case "shutdown", "poweroff":
		_, err := units.Ask(ctx, []string{"poweroff"})
		return err
	case "journalctl":
		return journal(args)
	case "slurm_resume", "slurm_suspend", "clustermgtd":
		u, err := node.ReadUserData()
		if err != nil {
			return err
		}
		if name == "clustermgtd" {
			return fleet.Manage(ctx, u, time.Now)
		}
		if len(args) != 1 {
			return errors.New("give the nodes")
		}
		if name == "slurm_resume" {
			return fleet.Resume(ctx, u, args[0], time.Now)
		}
		return fleet.Suspend(ctx, args[0], time.Now)
	case "pcluster":
		return pcluster(ctx, args)
	}
	return command(ctx, args)
}

// journal prints a unit's log: journalctl -u NAME.
func journal(args []string) error {
	for i, a := range args {
		if (a == "-u" || a == "-xeu" || a == "--unit") && i+1 < len(args) {
			name := args[i+1]
			if filepath.Ext(name) == "" {
				name += ".service"
			}
			b, err := os.ReadFile(units.LogFile("/", name))
			if errors.Is(err, os.ErrNotExist) {
				fmt.Println("-- No entries --")
				return nil
			}
			fmt.Print(string(b))
			return err
		}
	}
	return errors.New("the test bed's journalctl wants -u UNIT")
}
