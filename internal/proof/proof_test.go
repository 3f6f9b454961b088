package proof

import (
	"testing"
	"time"
)

// TestPass is the day alone.
func TestPass(t *testing.T) {
	began := time.Now()
	d := newDay(t, 2*time.Minute, newCluster(t, "healthy", false), newCluster(t, "faulty", true))
	d.pass(t, 2)
	t.Logf("%d samples in %s", d.samples, time.Since(began))
}
