package network

import (
	"testing"
	"time"
)

// TestNATGatewayInTime follows a NAT gateway to an hour after its end.
func TestNATGatewayInTime(t *testing.T) {
	ready := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	gone := ready.Add(24 * time.Hour)
	for _, tc := range []struct {
		name    string
		failure string
		gone    time.Time
		now     time.Time
		want    string // "" when it is forgotten
	}{
		{"pending", "", time.Time{}, ready.Add(-1), "pending"},
		{"available", "", time.Time{}, ready, "available"},
		{"available for long", "", time.Time{}, ready.Add(1000 * time.Hour), "available"},
		{"deleting", "", gone, gone.Add(-1), "deleting"},
		{"deleted", "", gone, gone, "deleted"},
		{"deleted, still known", "", gone, gone.Add(time.Hour - 1), "deleted"},
		{"forgotten", "", gone, gone.Add(time.Hour), ""},
		{"about to fail", "Gateway.NotAttached", time.Time{}, ready.Add(-1), "pending"},
		{"failed", "Gateway.NotAttached", time.Time{}, ready, "failed"},
		{"failed and forgotten", "Gateway.NotAttached", time.Time{}, ready.Add(time.Hour), ""},
	} {
		n := New()
		n.Addresses["eipalloc-1"] = &Address{ID: "eipalloc-1"}
		n.NATs["nat-1"] = &NATGateway{ID: "nat-1", FailureCode: tc.failure, ReadyAt: ready, GoneAt: tc.gone,
			Addresses: []NATAddress{{Allocation: "eipalloc-1", Association: "eipassoc-1"}}}
		n.Settle(tc.now)
		state := ""
		if g, ok := n.NATs["nat-1"]; ok {
			state = g.State
		}
		if state != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, state, tc.want)
		}
		holds := tc.failure == "" && state != "deleted" && state != ""
		if held := n.Addresses["eipalloc-1"].Association != ""; held != holds {
			t.Errorf("%s: its address is held: %v", tc.name, held)
		}
	}
}
