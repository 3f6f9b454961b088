package network

import (
	"testing"
	"time"
)

// TestTerminatedInstancesAreForgotten an hour after they ended.
func TestTerminatedInstancesAreForgotten(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	n := New()
	n.Instances["i-1"] = &Instance{ID: "i-1", GoneAt: now}
	n.Instances["i-2"] = &Instance{ID: "i-2"}
	if n.Settle(now.Add(time.Hour)); len(n.Instances) != 2 {
		t.Errorf("forgotten within the hour: %v", n.Instances)
	}
	if n.Settle(now.Add(time.Hour + time.Second)); len(n.Instances) != 1 || n.Instances["i-2"] == nil {
		t.Errorf("an hour later there are %v", n.Instances)
	}
}
