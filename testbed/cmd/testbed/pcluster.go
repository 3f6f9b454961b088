//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
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

// pcluster is the stand-in for ParallelCluster's command line: JSON on standard
// output, exit status 1 when it is refused.
func pcluster(ctx context.Context, args []string) error {
	var name, file, region, status string
	var dryRun, force, rollback, suppress bool
	root := &cobra.Command{Use: "pcluster", SilenceUsage: true, SilenceErrors: true}
	ask := func(ctx context.Context, method, path string, body []byte) error {
		b, err := send(ctx, directory(), method, path, body)
		if no, ok := err.(*apiError); ok {
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
	add := func(use, short string, configured bool, run func(cmd *cobra.Command, text []byte) error) *cobra.Command {
		c := &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			var text []byte
			if configured {
				b, err := os.ReadFile(file)
				if err != nil {
					return fmt.Errorf("read the configuration: %w", err)
				}
				text = b
			}
			return run(cmd, text)
		}}
		f := c.Flags()
		f.StringVarP(&name, "cluster-name", "n", "", "")
		f.StringVarP(&region, "region", "r", "", "")
		if configured {
			f.StringVarP(&file, "cluster-configuration", "c", "", "")
			f.BoolVar(&suppress, "suppress-validators", false, "")
		}
		root.AddCommand(c)
		return c
	}
	create := add("create-cluster", "Create a cluster", true, func(cmd *cobra.Command, text []byte) error {
		return ask(
			cmd.Context(),
			http.MethodPost,
			"/clusters/"+name+"?rollback="+strconv.FormatBool(rollback)+"&dryrun="+strconv.FormatBool(dryRun),
			text,
		)
	})
	create.Flags().BoolVar(&rollback, "rollback-on-failure", true, "")
	create.Flags().BoolVar(&dryRun, "dryrun", false, "")
	update := add("update-cluster", "Update a cluster", true, func(cmd *cobra.Command, text []byte) error {
		return ask(
			cmd.Context(),
			http.MethodPut,
			"/clusters/"+name+"?force="+strconv.FormatBool(force)+"&dryrun="+strconv.FormatBool(dryRun),
			text,
		)
	})
	update.Flags().BoolVar(&dryRun, "dryrun", false, "")
	update.Flags().BoolVar(&force, "force-update", false, "")
	add("describe-cluster", "Describe a cluster", false, func(cmd *cobra.Command, _ []byte) error {
		return ask(cmd.Context(), http.MethodGet, "/clusters/"+name, nil)
	})
	add("delete-cluster", "Delete a cluster", false, func(cmd *cobra.Command, _ []byte) error {
		return ask(cmd.Context(), http.MethodDelete, "/clusters/"+name, nil)
	})
	add("list-clusters", "List clusters", false, func(cmd *cobra.Command, _ []byte) error {
		return ask(cmd.Context(), http.MethodGet, "/clusters", nil)
	})
	add("describe-cluster-instances", "List a cluster's instances", false, func(cmd *cobra.Command, _ []byte) error {
		return ask(cmd.Context(), http.MethodGet, "/clusters/"+name+"/instances", nil)
	})
	add("describe-compute-fleet", "Show the compute fleet's status", false, func(cmd *cobra.Command, _ []byte) error {
		return ask(cmd.Context(), http.MethodGet, "/clusters/"+name+"/fleet", nil)
	})
	fleetCommand := add("update-compute-fleet", "Start or stop the compute fleet", false, func(cmd *cobra.Command, _ []byte) error {
		return ask(cmd.Context(), http.MethodPut, "/clusters/"+name+"/fleet/"+status, nil)
	})
	fleetCommand.Flags().StringVar(&status, "status", "", "START_REQUESTED or STOP_REQUESTED")
	root.SetArgs(args)
	return root.ExecuteContext(ctx)
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
