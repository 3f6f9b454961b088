package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/listen"
	"github.com/parascope/parascope/localaws"
)

// Running describes a local cloud that runs, for other shells. It holds no
// secret: the keys stay in Files.
type Running struct {
	ID       string `json:"id"` // of this run; its health answer has it too
	PID      int    `json:"pid"`
	Endpoint string `json:"endpoint"`
	Region   string `json:"region"`
	Head     string `json:"head"`               // host:port of the head agent
	Metadata string `json:"metadata,omitempty"` // URL of the instance metadata service, when there is one
}

func markerFile(dir string) string { return filepath.Join(dir, "running.json") }

func writeMarker(o Options, endpoint string) error {
	b, err := json.Marshal(Running{ID: o.Cloud.ID, PID: os.Getpid(), Endpoint: endpoint, Region: o.Region, Metadata: o.metadataURL,
		Head: listen.Reachable(o.HeadAddress)})
	if err != nil {
		return fmt.Errorf("could not write %s: %w", markerFile(o.DataDir), err)
	}
	if err := os.WriteFile(markerFile(o.DataDir), b, 0o600); err != nil {
		return fmt.Errorf("could not write the marker file: %w", err)
	}
	return nil
}

func removeMarker(dir string) error {
	if err := os.Remove(markerFile(dir)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("could not remove the marker file: %w", err)
	}
	return nil
}

// FindRunning returns the local cloud that runs on the data directory. One that
// was killed leaves its marker behind, so the endpoint is asked too, and whether it
// is that cloud's still: another one may have the port by now.
func FindRunning(ctx context.Context, dir string) (Running, error) {
	notRunning := func(err error) error {
		return hint.New(hint.NotFound, fmt.Errorf("no running local cloud uses directory %s: %w", dir, err),
			"start a local cloud with 'parascope local', or give --data the directory of a running local cloud")
	}
	b, err := os.ReadFile(markerFile(dir))
	if errors.Is(err, fs.ErrPermission) {
		return Running{}, hint.New(hint.BadInput, fmt.Errorf("cannot determine whether a local cloud is running: %w", err),
			"give --data a directory that this user can read")
	}
	if err != nil {
		return Running{}, notRunning(err)
	}
	var r Running
	if err := json.Unmarshal(b, &r); err != nil {
		return Running{}, notRunning(fmt.Errorf("could not read %s: %w", markerFile(dir), err))
	}
	id, err := askID(ctx, r.Endpoint)
	if err != nil {
		return Running{}, notRunning(err)
	}
	if id == "" || id != r.ID {
		return Running{}, notRunning(fmt.Errorf("the previous local cloud was killed, and another process uses %s now", r.Endpoint))
	}
	return r, nil
}

// askID asks the local cloud at endpoint for its id.
func askID(ctx context.Context, endpoint string) (string, error) {
	url := endpoint + localaws.HealthPath
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("GET %s: %s", url, resp.Status)
	}
	var health struct{ ID string }
	if err := json.NewDecoder(io.LimitReader(resp.Body, 4096)).Decode(&health); err != nil {
		return "", fmt.Errorf("GET %s: could not read the response: %w", url, err)
	}
	return health.ID, nil
}

// CheckProfile returns an error that lists the profiles there are if the local cloud
// of the data directory wrote no keys for the one named.
func CheckProfile(dir, profile string) error {
	file := sharedFiles(dir).Credentials
	b, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("could not read the profiles: %w", err)
	}
	var names []string
	for line := range strings.Lines(string(b)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "["); ok {
			names = append(names, strings.TrimSuffix(name, "]"))
		}
	}
	if slices.Contains(names, profile) {
		return nil
	}
	return hint.New(hint.NotFound, fmt.Errorf("the local cloud has no profile %q; its profiles are %s", profile, strings.Join(names, ", ")),
		"select one of these profiles with --profile")
}

// Variables that point our own commands at one local cloud.
const (
	DataVariable = "PARASCOPE_LOCAL_DATA"   // its data directory, for local fault
	HeadVariable = "PARASCOPE_HEAD_ADDRESS" // HOST:PORT of its head, for head status
)

// Exports are the environment variables that point any AWS client at the running
// local cloud, as the operator, and our own commands at its head and its faults. Unset
// names variables that would win over them.
func (r Running) Exports(dir, profile string) (exports [][2]string, unset []string) {
	files := sharedFiles(dir)
	return [][2]string{
			{"AWS_ENDPOINT_URL", r.Endpoint},
			{"AWS_REGION", r.Region},
			{"AWS_DEFAULT_REGION", r.Region},
			{"AWS_PROFILE", profile},
			{"AWS_SHARED_CREDENTIALS_FILE", files.Credentials},
			{"AWS_CONFIG_FILE", files.Config},
			{DataVariable, dir},
			{HeadVariable, r.Head},
		}, []string{
			"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
		}
}
