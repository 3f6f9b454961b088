package headside

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/internal/headnode"
)

// checkPclusterDiag runs ParallelCluster's own checks, which its images have from 3.16 on.
func checkPclusterDiag(ctx context.Context, e *Env) Finding {
	program, err := e.LookPath("pcluster-diag")
	if err != nil {
		return doctor.Skip("pcluster-diag is not installed (ParallelCluster 3.16 and later have it)")
	}
	if os.Getuid() != 0 && e.Root == "/" {
		return doctor.Unsure("pcluster-diag needs root", "'sudo parascope-head doctor'")
	}
	file, err := os.CreateTemp("", "parascope-diag-*.json")
	if err != nil {
		return doctor.Unasked(err)
	}
	defer os.Remove(file.Name()) //nolint:errcheck // a file of a moment
	file.Close()
	printed, runErr := run(ctx, program, "run", "--yes", "--output-file", file.Name())
	if ctx.Err() != nil {
		return doctor.Unasked(ctx.Err())
	}
	report, err := headnode.ReadFile(file.Name())
	if err != nil || len(report) == 0 {
		report = printed
	}
	all := diagResults(report)
	if len(all) == 0 {
		if runErr != nil {
			return doctor.Unsure("pcluster-diag failed: "+runErr.Error(), "'sudo pcluster-diag run'")
		}
		return doctor.Unsure("the report of pcluster-diag could not be read", "'sudo pcluster-diag run'")
	}
	var bad []string
	var warnings []string
	for _, r := range all {
		text := r.ID + ": " + strings.Join(append([]string{r.Message}, r.Errors...), "; ")
		switch {
		case r.Status == "FAILURE":
			bad = append(bad, text)
		case slices.Contains([]string{"ERROR", "CHECK_ERROR", "WARNING"}, r.Status):
			warnings = append(warnings, text)
		}
	}
	found := doctor.Good(fmt.Sprintf("%d checks", len(all)))
	if len(bad) > 0 {
		found = doctor.Fault(strings.Join(bad, "; "), "'sudo pcluster-diag run' shows the whole report")
	}
	found.Warnings = warnings
	return found
}

// diagResult is a result of pcluster-diag.
type diagResult struct {
	ID      string   `json:"check_id"`
	Status  string   `json:"status"`
	Message string   `json:"message"`
	Errors  []string `json:"errors"`
}

// diagResults finds the results in a report, whose frame is not documented: a list, alone or
// as a member of an object.
func diagResults(report []byte) []diagResult {
	var all []diagResult
	if json.Unmarshal(report, &all) == nil {
		return withIDs(all)
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(report, &members) != nil {
		return nil
	}
	for _, m := range members {
		var some []diagResult
		if json.Unmarshal(m, &some) == nil {
			if some = withIDs(some); len(some) > 0 {
				return some
			}
		}
	}
	return nil
}

func withIDs(all []diagResult) []diagResult {
	return slices.DeleteFunc(all, func(r diagResult) bool { return r.ID == "" })
}
