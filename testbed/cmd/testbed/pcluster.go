//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/parascope/parascope/testbed/bed"
)

// send asks the bed as pcluster does, and returns its answer. An answer of 400 and
// above is an apiError.
func send(ctx context.Context, dir, method, path string, body []byte) ([]byte, error) {
	client := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", bed.ControlSocket(dir))
	}}}
	req, err := http.NewRequestWithContext(ctx, method, "http://bed"+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("ask the test bed: %w", err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask the test bed in %s (does it run? 'make cluster'): %w", dir, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 8<<20))
	if err != nil {
		return nil, fmt.Errorf("ask the test bed: %w", err)
	}
	if resp.StatusCode >= http.StatusBadRequest {
		return nil, &apiError{b}
	}
	return b, nil
}

// apiError is an answer that says no.
type apiError struct{ body []byte }

func (e *apiError) Error() string { return string(bytes.TrimSpace(e.body)) }

// api are the flags of pcluster.
type api struct {
	name, file, region, status          string
	dryRun, force, rollback, suppressed bool
}

// pcluster is the stand-in for ParallelCluster's command line: JSON on standard
// output, exit status 1 when it is refused.
func pcluster(ctx context.Context, args []string) error {
	a := &api{}
	root := &cobra.Command{Use: "pcluster", SilenceUsage: true, SilenceErrors: true}
	create := a.command(
		"create-cluster",
		"Create a cluster",
		http.MethodPost,
		true,
		func() string { return "?rollback=" + strconv.FormatBool(a.rollback) },
	)
	create.Flags().BoolVar(&a.rollback, "rollback-on-failure", true, "")
	update := a.command("update-cluster", "Update a cluster", http.MethodPut, true, func() string {
		return "?force=" + strconv.FormatBool(a.force) + "&dryrun=" + strconv.FormatBool(a.dryRun)
	})
	update.Flags().BoolVar(&a.dryRun, "dryrun", false, "")
	update.Flags().BoolVar(&a.force, "force-update", false, "")
	fleet := a.command(
		"update-compute-fleet",
		"Start or stop the compute fleet",
		http.MethodPut,
		false,
		func() string { return "/fleet/" + a.status },
	)
	fleet.Flags().StringVar(&a.status, "status", "", "START_REQUESTED or STOP_REQUESTED")
	plain := func() string { return "" }
	root.AddCommand(create, update, fleet,
		a.command("describe-cluster", "Describe a cluster", http.MethodGet, false, plain),
		a.command("delete-cluster", "Delete a cluster", http.MethodDelete, false, plain),
		a.command("describe-cluster-instances", "List a cluster's instances", http.MethodGet, false, func() string { return "/instances" }),
		a.command("describe-compute-fleet", "Show the compute fleet's status", http.MethodGet, false, func() string { return "/fleet" }),
		&cobra.Command{Use: "list-clusters", Short: "List clusters", RunE: func(cmd *cobra.Command, _ []string) error {
			return ask(cmd.Context(), http.MethodGet, "/clusters", nil)
		}})
	root.SetArgs(args)
	return root.ExecuteContext(ctx)
}

// command makes a command on one cluster; suffix is what its request's path ends with.
func (a *api) command(use, short, method string, configured bool, suffix func() string) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		var text []byte
		if configured {
			b, err := os.ReadFile(a.file)
			if err != nil {
				return fmt.Errorf("read the configuration: %w", err)
			}
			text = b
		}
		return ask(cmd.Context(), method, "/clusters/"+a.name+suffix(), text)
	}}
	f := c.Flags()
	f.StringVarP(&a.name, "cluster-name", "n", "", "")
	f.StringVarP(&a.region, "region", "r", "", "")
	if configured {
		f.StringVarP(&a.file, "cluster-configuration", "c", "", "")
		f.BoolVar(&a.suppressed, "suppress-validators", false, "")
	}
	if err := c.MarkFlagRequired("cluster-name"); err != nil {
		panic(err) // the flag is above
	}
	return c
}

// ask sends a request and prints its answer; a refusal ends the program with 1.
func ask(ctx context.Context, method, path string, body []byte) error {
	b, err := send(ctx, directory(), method, path, body)
	if no, ok := errors.AsType[*apiError](err); ok {
		if err := print(no.body); err != nil {
			return err
		}
		return exitError(1)
	}
	if err != nil {
		return err
	}
	return print(b)
}

// print writes JSON as pcluster does.
func print(b []byte) error {
	var out bytes.Buffer
	if err := json.Indent(&out, bytes.TrimSpace(b), "", "  "); err != nil {
		out.Reset()
		out.Write(b)
	}
	_, err := fmt.Println(out.String())
	return err
}
