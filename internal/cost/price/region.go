package price

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// RegionOfMachine is the AWS region that a ParallelCluster node is in, from the file that
// ParallelCluster leaves on it below root; "" where it says none.
func RegionOfMachine(root string) string {
	f, err := os.Open(filepath.Join(root, "etc/parallelcluster/cfnconfig"))
	if err != nil {
		return ""
	}
	defer f.Close()
	lines := bufio.NewScanner(io.LimitReader(f, 1<<20))
	for lines.Scan() {
		if region, ok := strings.CutPrefix(lines.Text(), "cfn_region="); ok {
			return strings.Trim(region, `"'`)
		}
	}
	return ""
}
