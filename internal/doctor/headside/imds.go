package headside

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/internal/headnode"
)

// metadata is the address of the instance metadata service.
const metadata = "http://169.254.169.254"

// checkIMDS asks the metadata service for the name of the node's role, as the user that runs
// this. With Imds.Secured, ParallelCluster lets root and few others ask.
func checkIMDS(ctx context.Context, e *Env) Finding {
	base := e.Getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT")
	vendor, _ := headnode.ReadFile(e.path("sys/devices/virtual/dmi/id/sys_vendor"))
	if base == "" && !strings.Contains(string(vendor), "Amazon EC2") {
		return doctor.Skip("this machine is not an EC2 instance")
	}
	base = strings.TrimSuffix(cmp.Or(base, metadata), "/")
	ask := func(method, path, header, value string) (int, string, error) {
		req, err := http.NewRequestWithContext(ctx, method, base+path, nil)
		if err != nil {
			return 0, "", err
		}
		req.Header.Set(header, value)
		resp, err := e.HTTP.Do(req)
		if err != nil {
			return 0, "", err
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
		return resp.StatusCode, string(text), err
	}
	status, token, err := ask(http.MethodPut, "/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", "60")
	who := fmt.Sprintf("user id %d", os.Getuid())
	switch {
	case ctx.Err() != nil:
		return doctor.Unasked(ctx.Err())
	case err != nil && os.Getuid() != 0:
		return doctor.Unsure(who+" cannot reach the metadata service; with Imds.Secured only root and a few users can: "+err.Error(),
			"run this command as root; prometheus.service also runs as root")
	case err != nil:
		return doctor.Fault("the metadata service does not answer: "+err.Error(),
			"check 'sudo iptables -L PARALLELCLUSTER_IMDS'; the head runs as root")
	case status != http.StatusOK:
		return doctor.Fault(fmt.Sprintf("the metadata service returned HTTP %d to a request for a token", status),
			"check 'aws ec2 describe-instances --query \"Reservations[].Instances[].MetadataOptions\"': HttpEndpoint must be enabled")
	}
	status, role, err := ask(http.MethodGet, "/latest/meta-data/iam/security-credentials/", "X-aws-ec2-metadata-token", token)
	switch {
	case err != nil:
		return doctor.Unasked(err)
	case status != http.StatusOK || strings.TrimSpace(role) == "":
		return doctor.Fault(fmt.Sprintf("the instance has no IAM role (the metadata service returned HTTP %d)", status),
			"attach the cluster's instance profile to the instance; see 'aws ec2 describe-iam-instance-profile-associations'")
	}
	role, _, _ = strings.Cut(strings.TrimSpace(role), "\n")
	return doctor.Good("role " + role + ", requested by " + who)
}
