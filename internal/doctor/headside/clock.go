package headside

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/parascope/parascope/internal/doctor"
)

// mostSkew: AWS refuses signatures of 5 minutes and more, and samples of the future before.
const mostSkew = time.Minute

// checkClock compares the clock with the Date of an answer of the receiver, to a request that
// is not signed and thus refused.
func checkClock(ctx context.Context, e *Env) Finding {
	u := e.receiver()
	if u == nil {
		return doctor.Skip("the configuration has no remote_write endpoint to compare the clock with")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, u.Scheme+"://"+u.Host+"/", nil)
	if err != nil {
		return doctor.Unasked(err)
	}
	resp, err := e.HTTP.Do(req)
	if err != nil {
		return doctor.Unsure("the time of the receiver could not be read: "+err.Error(), "see check route-amp")
	}
	resp.Body.Close()
	said, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return doctor.Unsure("the receiver's response has no Date header", "")
	}
	skew := e.Now().Sub(said)
	if skew.Abs() > mostSkew {
		return doctor.Fault(fmt.Sprintf("this node's clock differs by %s from the clock of %s, which refuses requests and samples "+
			"with wrong timestamps", skew.Round(time.Second),
			u.Host), "run 'chronyc tracking', and 'sudo chronyc makestep' to set the clock")
	}
	return doctor.Good(fmt.Sprintf("within %s of %s", mostSkew, u.Host))
}

// receiver is the URL of the first remote write; nil: there is none.
func (e *Env) receiver() *url.URL {
	for _, w := range e.writes {
		if w.URL != nil && w.URL.Host != "" {
			return w.URL
		}
	}
	return nil
}
