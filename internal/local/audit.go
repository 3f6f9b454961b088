package local

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync"

	"github.com/parascope/parascope/localaws"
)

// audit writes down, a JSON line each, which permissions were asked for: what a
// script needs can be read from it.
type audit struct {
	mu   sync.Mutex
	file *os.File
	enc  *json.Encoder
	err  error // the first that could not be written
}

func openAudit(name string) (*audit, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("could not open the audit file: %w", err)
	}
	return &audit{file: f, enc: json.NewEncoder(f)}, nil
}

// auditLine is one permission that was asked for.
type auditLine struct {
	Principal string `json:"principal"` // ARN
	Action    string `json:"action"`
	Resource  string `json:"resource"`
	Allowed   bool   `json:"allowed"`
	Because   string `json:"because,omitempty"`
}

func (a *audit) note(ask localaws.Ask, d localaws.Decision) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.enc.Encode(auditLine{ask.Principal.ARN, ask.Action, ask.Resource, d.Allowed, d.Because}); err != nil && a.err == nil {
		a.err = err
	}
}

func (a *audit) close(context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.file.Close(); a.err == nil {
		a.err = err
	}
	if a.err != nil {
		return fmt.Errorf("could not write the audit file: %w", a.err)
	}
	return nil
}
