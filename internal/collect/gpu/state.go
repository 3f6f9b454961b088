package gpu

import (
	"errors"
	"fmt"
	"time"

	"github.com/parascope/parascope/internal/collect/gpu/wire"
)

// reasonOf names why a value with this return code is absent.
func reasonOf(code int) string {
	switch code {
	case wire.NotSupported:
		return "not_supported"
	case wire.NoPermission:
		return "no_permission"
	case wire.FunctionNotFound:
		return "no_function"
	case wire.GPULost:
		return "gpu_lost"
	case wire.ResetRequired:
		return "reset_required"
	}
	return "other"
}

// failureOf names an error of ask.
func failureOf(err error) string {
	if errors.Is(err, errTimeout) {
		return hang
	}
	return crash
}

var errNoHelper = errors.New("the GPU helper is not available")

// ensure has a helper running that has initialized the library, unless the last
// attempt failed a short while ago. Initializing takes at most the given time.
func (r *reader) ensure(now time.Time, wait time.Duration) bool {
	if !r.hasDevice() {
		r.drop()
		r.enter(noDevice, now)
		r.blocked, r.faults, r.backoff, r.retryAt = map[string]block{}, map[string]fault{}, 0, time.Time{}
		return false
	}
	if r.helper != nil {
		return true
	}
	if wait <= 0 || now.Before(r.retryAt) && r.retryAt.Sub(now) <= maxBackoff {
		return false
	}
	path, err := helperPath(r.o.Helper)
	if err == nil {
		r.starter.path = path
		r.helper, err = r.starter.start()
	}
	switch {
	case errors.Is(err, errStuck):
		r.fail(hang, now)
		return false
	case err != nil:
		r.env.Logger.Warn("could not start the GPU helper; install parascope-nvml of the same release in the directory of "+
			"parascope-node", "err", err)
		r.fail(noHelper, now)
		return false
	}
	a, err := r.helper.ask(wait, "init")
	switch {
	case err != nil:
		r.fail(failureOf(err), now)
	case a.Return == wire.NoLibrary:
		r.env.Logger.Warn("could not load the GPU driver's library; install the driver's user-space packages", "err", a.Detail)
		r.fail(noLibrary, now)
	case a.Return == wire.Mismatch:
		r.fail(mismatch, now)
	case a.Return != wire.Success:
		r.fail(driver, now)
	default:
		if a.Count != r.count {
			clear(r.keys) // NVML numbers the GPUs that it lists
		}
		r.version, r.nvml, r.count = a.Driver, a.NVML, a.Count
		r.seen, r.backoff = map[int]bool{}, 0
		r.enter(ok, now)
		return true
	}
	return false
}

// maxBackoff bounds how long the driver is left alone after a failure.
const maxBackoff = 5 * time.Minute

// fail counts a failure of the way to the driver, ends the helper and sets when the
// next one is started.
func (r *reader) fail(reason string, now time.Time) error {
	r.drop()
	r.failures[reason]++
	r.enter(reason, now)
	r.backoff = min(max(2*r.backoff, 15*time.Second), maxBackoff)
	r.retryAt = now.Add(r.backoff)
	return fmt.Errorf("%w: %s", errNoHelper, reason)
}

// enter changes the state.
func (r *reader) enter(name string, now time.Time) {
	if r.state.name == name {
		return
	}
	r.env.Logger.Info("the state of the GPU driver changed", "from", r.state.name, "to", name)
	r.state = state{name, now}
}

// drop ends the helper. Its samples go with it, and so the window that is open.
func (r *reader) drop() {
	if r.helper == nil {
		return
	}
	if err := r.helper.close(); err != nil {
		r.env.Logger.Debug("could not close the GPU helper", "err", err)
	}
	r.helper = nil
}

// ask asks the helper. After an error there is none; the failure is counted.
func (r *reader) ask(wait time.Duration, request string) (wire.Answer, error) {
	if r.helper == nil {
		return wire.Answer{}, errNoHelper
	}
	a, err := r.helper.ask(wait, request)
	if err != nil {
		r.failures[failureOf(err)]++
		r.env.Logger.Warn("the GPU helper failed and is restarted", "request", request, "err", err)
		r.drop()
	}
	return a, err
}
