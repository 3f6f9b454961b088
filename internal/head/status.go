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

// AskDelivery asks the head that listens on address, HOST:PORT, what became of
// its samples.
func AskDelivery(ctx context.Context, address string) (Delivery, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	url := "http://" + strings.TrimSuffix(strings.TrimPrefix(address, "http://"), "/") + deliveryPath
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return Delivery{}, hint.New(hint.Usage, fmt.Errorf("address %q: %w", address, err), "write --address HOST:PORT")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		if errors.Is(ctx.Err(), context.Canceled) {
			return Delivery{}, ctx.Err()
		}
		return Delivery{}, hint.New(hint.NotFound, fmt.Errorf("no head answers on %s: %w", address, err),
			"start it, or give the address of its --web.listen-address with --address; "+
				"'parascope head inspect DIR' reads the queue of a head that does not run")
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		return Delivery{}, fmt.Errorf("read the head's status: %w", err)
	}
	var answer struct{ Data *Delivery }
	if resp.StatusCode != http.StatusOK || json.Unmarshal(body, &answer) != nil || answer.Data == nil {
		return Delivery{}, hint.New(hint.NotFound, fmt.Errorf("what listens on %s is no parascope head (%s)", address, resp.Status),
			"give the address of a head's --web.listen-address with --address")
	}
	return *answer.Data, nil
}
