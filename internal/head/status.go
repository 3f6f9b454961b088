package head

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	config_util "github.com/prometheus/common/config"

	"github.com/parascope/parascope/internal/delivery"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/queue"
)

// deliveryPath is where a head serves what became of its samples.
const deliveryPath = "/api/v1/delivery"

// What a head says of delivery, for those who print it.
type (
	RemoteDelivery = delivery.RemoteStatus
	Verdict        = delivery.Verdict
	QueueReport    = queue.Report
)

// Delivery is what became of a head's samples, and which discoveries fail.
type Delivery struct {
	delivery.Status
	Discovery []Discovery `json:"discovery,omitempty"`
}

// Verdicts of a Delivery.
const (
	Delivering = delivery.Delivering
	CatchingUp = delivery.CatchingUp
	Delayed    = delivery.Delayed
	Losing     = delivery.Losing
	Removed    = delivery.Removed
)

// InspectQueues reads the queues under a head's storage directory from its files,
// checking every record. The head need not run.
func InspectQueues(dir string) (QueueReport, error) {
	r, err := queue.Inspect(dir)
	if err != nil {
		return QueueReport{}, hint.New(hint.BadInput, err, "give the directory of --storage.agent.path")
	}
	if len(r.Queues) == 0 {
		return QueueReport{}, hint.New(hint.NotFound, fmt.Errorf("no queue under %s", dir), "give the directory of --storage.agent.path")
	}
	return r, nil
}

// askTimeout bounds how long a head may take to tell its status.
const askTimeout = 10 * time.Second

// AskDelivery asks the head that listens on address, HOST:PORT or a URL, what became of
// its samples. httpConfig is a file with TLS and credentials, as promtool's
// --http.config.file; empty: none.
func AskDelivery(ctx context.Context, address, httpConfig string) (Delivery, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	client, err := StatusClient(httpConfig)
	if err != nil {
		return Delivery{}, err
	}
	url := strings.TrimSuffix(address, "/") + deliveryPath
	if !strings.HasPrefix(address, "http://") && !strings.HasPrefix(address, "https://") {
		url = "http://" + url
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return Delivery{}, hint.New(hint.Usage, fmt.Errorf("address %q: %w", address, err), "give --address HOST:PORT")
	}
	resp, err := client.Do(req)
	if err != nil {
		if errors.Is(ctx.Err(), context.Canceled) {
			return Delivery{}, ctx.Err()
		}
		return Delivery{}, hint.New(hint.NotFound, fmt.Errorf("no head answers on %s: %w", address, err),
			"start the head, or give its --web.listen-address with --address; 'parascope head inspect DIR' reads the queue of a stopped head")
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		return Delivery{}, fmt.Errorf("could not read the head's status: %w", err)
	}
	if resp.StatusCode == http.StatusUnauthorized {
		return Delivery{}, hint.New(hint.Denied, fmt.Errorf("the head on %s requires basic authentication", address),
			"give --http.config.file a file with basic_auth: {username: NAME, password_file: FILE}")
	}
	var answer struct{ Data *Delivery }
	if resp.StatusCode != http.StatusOK || json.Unmarshal(body, &answer) != nil || answer.Data == nil {
		return Delivery{}, hint.New(hint.NotFound, fmt.Errorf("the server on %s is not a parascope head (%s)", address, resp.Status),
			"give a head's --web.listen-address with --address, with https:// if --web.config.file enables TLS")
	}
	return *answer.Data, nil
}

// StatusClient is a client for a head; file has its TLS and credentials, as promtool's
// --http.config.file; empty: none.
func StatusClient(file string) (*http.Client, error) {
	if file == "" {
		return http.DefaultClient, nil
	}
	c, _, err := config_util.LoadHTTPConfigFile(file)
	var client *http.Client
	if err == nil {
		client, err = config_util.NewClientFromConfig(*c, "status")
	}
	if err != nil {
		return nil, hint.New(hint.BadInput, fmt.Errorf("--http.config.file: %w", err),
			"use the format of promtool's --http.config.file: tls_config, and basic_auth with username and password_file")
	}
	return client, nil
}
