package faults

import (
	"fmt"
	"net"
	"net/http"
)

// cut ends the connection of a request without an answer: by a TCP reset, or as
// a server that goes away does.
func cut(w http.ResponseWriter, reset bool) error {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return fmt.Errorf("cut the connection: %w", err)
	}
	if tcp, ok := conn.(*net.TCPConn); ok && reset {
		if err := tcp.SetLinger(0); err != nil {
			return fmt.Errorf("reset the connection: %w", err)
		}
	}
	if err := conn.Close(); err != nil {
		return fmt.Errorf("cut the connection: %w", err)
	}
	return nil
}
