package head

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/discovery"
	"github.com/prometheus/prometheus/discovery/targetgroup"
)

// rotating is a discovery whose clients keep the credentials that were valid when
// they were made, as those of AWS do.
type rotating struct {
	name  string
	valid *atomic.Int64
	made  *atomic.Int64
}

func (r *rotating) Name() string { return r.name }
func (r *rotating) NewDiscovererMetrics(prometheus.Registerer, discovery.RefreshMetricsInstantiator) discovery.DiscovererMetrics {
	return nil
}
func (r *rotating) NewDiscoverer(o discovery.DiscovererOptions) (discovery.Discoverer, error) {
	r.made.Add(1)
	return &client{r, r.valid.Load(), o.Logger}, nil
}

type client struct {
	*rotating
	has    int64
	logger *slog.Logger
}

// hangs are credentials with which the service does not answer.
const hangs = 1 << 40

func (c *client) Run(ctx context.Context, out chan<- []*targetgroup.Group) {
	if c.has == hangs {
		<-ctx.Done()
		return
	}
	tick := time.NewTicker(30 * time.Second)
	defer tick.Stop()
	for {
		if v := c.valid.Load(); c.has != v || v < 0 {
			c.logger.Error("Unable to refresh target groups", "err", errors.New("RequestExpired: the token has expired").Error())
		} else {
			select {
			case out <- []*targetgroup.Group{{Source: fmt.Sprint(c.has)}}:
			case <-ctx.Done():
				return
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// TestDiscoveryRenewsItsCredentials: a client that AWS refuses is made anew, and until
// it is taken the status says since when it fails, and why.
func TestDiscoveryRenewsItsCredentials(t *testing.T) {
	for _, mechanism := range []string{"ec2", "http"} {
		t.Run(mechanism, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				config := &rotating{mechanism, new(atomic.Int64), new(atomic.Int64)}
				w := newWatch()
				configs := w.over(map[string]discovery.Configs{"node": {config}, "other": {config}, "static": {discovery.StaticConfig{}}})
				d, err := configs["node"][0].NewDiscoverer(discovery.DiscovererOptions{Logger: slog.New(slog.DiscardHandler)})
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				out, done := make(chan []*targetgroup.Group, 1000), make(chan struct{})
				go func() { d.Run(ctx, out); close(done) }()
				<-time.After(time.Minute)
				if all := w.status(); len(all) != 0 || len(out) == 0 {
					t.Errorf("before: %+v, %d rounds", all, len(out))
				}
				config.valid.Store(1) // the credentials rotate
				<-time.After(31 * time.Second)
				all := w.status()
				if mechanism == "http" {
					if len(all) != 1 || config.made.Load() != 1 {
						t.Errorf("%+v; %d clients were made of a mechanism that has no credentials", all, config.made.Load())
					}
				} else {
					<-time.After(10 * time.Second)
					if all := w.status(); len(all) != 0 || config.made.Load() != 2 {
						t.Errorf("after the rotation: %+v, %d clients", all, config.made.Load())
					}
					for len(out) > 0 {
						if g := <-out; len(out) == 0 && g[0].Source != "1" {
							t.Errorf("the newest targets were found with the credentials %s", g[0].Source)
						}
					}
				}
				config.valid.Store(-1) // nobody has valid ones
				began := time.Now()
				<-time.After(10 * time.Minute)
				all = w.status()
				if len(all) != 1 || fmt.Sprint(all[0].Jobs) != "[node other]" || all[0].Since.Sub(began) > 40*time.Second || all[0].Why == "" {
					t.Errorf("%+v", all)
				}
				if n := config.made.Load(); n > 20 {
					t.Errorf("%d clients were made", n)
				}
				cancel()
				<-done
				if all := w.status(); len(all) != 0 {
					t.Errorf("after its end: %+v", all)
				}
			})
		})
	}
}

// TestDiscoveryThatHangs: a client whose service does not answer is replaced, and the status
// says since when it fails, and why.
func TestDiscoveryThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := &rotating{"ec2", new(atomic.Int64), new(atomic.Int64)}
		config.valid.Store(hangs)
		w := newWatch()
		d, err := w.over(map[string]discovery.Configs{"node": {config}})["node"][0].NewDiscoverer(
			discovery.DiscovererOptions{Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		out, done := make(chan []*targetgroup.Group, 1000), make(chan struct{})
		go func() { d.Run(ctx, out); close(done) }()
		<-time.After(5 * time.Minute)
		if all := w.status(); len(all) != 1 || !strings.Contains(all[0].Why, "no answer within 3m0s") {
			t.Errorf("%+v", all)
		}
		config.valid.Store(1)
		<-time.After(5 * time.Minute)
		if all := w.status(); len(all) != 0 || len(out) == 0 {
			t.Errorf("after it answers again: %+v, %d rounds", all, len(out))
		}
		cancel()
		<-done
	})
}
