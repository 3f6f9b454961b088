package faults

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/parascope/parascope/localaws/gateway"
)

// cut ends the connection of a request without an answer: by a TCP reset, or as
// a server that goes away does. A call inside the cloud has no connection, and
// gets what a proxy says of one that was cut.
func cut(w http.ResponseWriter, reset bool) error {
	conn, _, err := http.NewResponseController(w).Hijack()
	if errors.Is(err, http.ErrNotSupported) {
		return &gateway.Error{Status: http.StatusBadGateway, Message: "Bad Gateway"}
	}
	if err != nil {
		return fmt.Errorf("could not cut the connection: %w", err)
	}
	if tcp, ok := conn.(interface{ SetLinger(seconds int) error }); ok && reset {
		if err := tcp.SetLinger(0); err != nil {
			return fmt.Errorf("could not reset the connection: %w", err)
		}
	}
	if err := conn.Close(); err != nil {
		return fmt.Errorf("could not cut the connection: %w", err)
	}
	return nil
}
