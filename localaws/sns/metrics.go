package sns

import (
	"strings"
	"sync"
	"time"
)

// counts are SNS's metrics in CloudWatch: sums by minute, of the last day, in memory.
type counts struct {
	mu      sync.Mutex
	minutes map[series]map[int64]float64
}

type series struct{ topicARN, metric string }

const keepMinutes = 24 * 60

func (c *counts) add(topicARN, metric string, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, minute := series{topicARN, metric}, at.Unix()/60
	if c.minutes[s] == nil {
		c.minutes[s] = map[int64]float64{}
	}
	c.minutes[s][minute]++
	if len(c.minutes[s]) > keepMinutes {
		for m := range c.minutes[s] {
			if m < minute-keepMinutes {
				delete(c.minutes[s], m)
			}
		}
	}
}

// Sums are a metric's sums of a region's topic, for steps of time from one on; NaN is never
// among them, and nil says that there is no such metric.
func (s *SNS) Sums(region, topicName, metric string, from time.Time, step time.Duration, steps int) []float64 {
	s.counts.mu.Lock()
	defer s.counts.mu.Unlock()
	minutes := s.counts.minutes[series{arnOf(region, topicName), metric}]
	if minutes == nil || strings.Contains(topicName, ":") {
		return nil
	}
	sums := make([]float64, steps)
	for minute, n := range minutes {
		since := time.Unix(minute*60, 0).Sub(from)
		if i := int(since / step); since >= 0 && i < steps {
			sums[i] += n
		}
	}
	return sums
}
