package connector_test

import (
	"net/http"
	"strings"
	"time"
)

// counting counts requests of a path.
type counting struct {
	path string
	n    int
}

func (c *counting) Do(r *http.Request) (*http.Response, error) {
	if r.Method+" "+r.URL.Path == c.path {
		c.n++
	}
	return http.DefaultClient.Do(r)
}

// longer tries with a time to wait, and where the error does not have a text with four times that, a minute at most:
// on a busy machine the first may be over before the first answer.
func longer(wait time.Duration, says string, try func(time.Duration) error) error {
	for {
		err := try(wait)
		if wait *= 4; err == nil || strings.Contains(err.Error(), says) || wait > time.Minute {
			return err
		}
	}
}
