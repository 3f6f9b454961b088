// Package sns is the local Amazon SNS: standard topics, their policies, subscriptions of
// e-mail and HTTP endpoints with their confirmation, and deliveries. E-mail goes to a
// mailbox of the local cloud.
package sns

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/parascope/parascope/localaws/state"
)

// Options are what the service is made of; Reach and RetryDelay may be zero.
type Options struct {
	State   *state.DB
	BaseURL func() string // scheme and host of links in messages
	Now     func() time.Time
	NewID   func() string // UUIDs
	Logger  *slog.Logger
	// Reach says which addresses HTTP deliveries may go to; nil: this machine's own.
	Reach      func(netip.Addr) bool
	RetryDelay time.Duration // between the tries of an HTTP delivery; AWS's 20 s where zero
}

// SNS is the service.
type SNS struct {
	opts   Options
	client deliverer
	counts counts
	work   sync.WaitGroup
	stop   func()        // closes done
	done   chan struct{} // is closed when deliveries are given up
	slots  chan struct{} // one for each delivery that waits or runs
}

const maxDeliveries = 256 // that wait or run at the same time; more fail

// New opens the service on its state.
func New(o Options) *SNS {
	if o.Reach == nil {
		o.Reach = netip.Addr.IsLoopback
	}
	if o.RetryDelay == 0 {
		o.RetryDelay = 20 * time.Second
	}
	s := &SNS{opts: o, slots: make(chan struct{}, maxDeliveries)}
	s.client = newDeliverer(o.Reach)
	s.counts.minutes = map[series]map[int64]float64{}
	s.done = make(chan struct{})
	s.stop = sync.OnceFunc(func() { close(s.done) })
	return s
}

// Close gives up what is not delivered.
func (s *SNS) Close() error {
	s.stop()
	s.work.Wait()
	return nil
}

const (
	topics        = "sns-topics"        // bucket: ARN → topic
	subscriptions = "sns-subscriptions" // bucket: ARN → subscription
	mails         = "sns-mail"          // bucket: number/size → Mail

	maxTopics        = 1000 // of the local cloud
	maxSubscriptions = 200  // of a topic
)

// topic is one as it is stored.
type topic struct {
	ARN         string
	Name        string
	DisplayName string
	Policy      string // empty: AWS's default
	Signature   string // SignatureVersion
	Tags        map[string]string
	Deleted     int // subscriptions
}

// subscription is one as it is stored. It waits for its confirmation while it has a token.
type subscription struct {
	ARN           string
	TopicARN      string
	Protocol      string
	Endpoint      string
	Owner         string
	Token         string
	Authenticated bool // confirmed with AuthenticateOnUnsubscribe
	CreatedAt     time.Time
}

const confirmWithin = 48 * time.Hour

func (s *subscription) pending() bool { return s.Token != "" }

func (s *subscription) expired(now time.Time) bool {
	return s.pending() && now.Sub(s.CreatedAt) > confirmWithin
}

func (s *SNS) loadTopic(tx *state.Tx, arn string) (*topic, error) {
	var t topic
	found, err := tx.Get(topics, arn, &t)
	if err != nil {
		return nil, fmt.Errorf("could not load topic %s: %w", arn, err)
	}
	if !found {
		return nil, notFound("Topic does not exist")
	}
	return &t, nil
}

func (s *SNS) loadSubscription(tx *state.Tx, arn string, now time.Time) (*subscription, error) {
	var x subscription
	found, err := tx.Get(subscriptions, arn, &x)
	if err != nil {
		return nil, fmt.Errorf("could not load subscription %s: %w", arn, err)
	}
	if !found || x.expired(now) {
		return nil, notFound("Subscription does not exist")
	}
	return &x, nil
}

// ofTopic are a topic's subscriptions; an empty ARN stands for all topics of a region's prefix.
func ofTopic(tx *state.Tx, prefix string, now time.Time, f func(*subscription)) error {
	return tx.ForEach(subscriptions, func(arn string, decode func(any) error) error {
		if !strings.HasPrefix(arn, prefix) {
			return nil
		}
		var x subscription
		if err := decode(&x); err != nil {
			return err
		}
		if !x.expired(now) {
			f(&x)
		}
		return nil
	})
}

// remove deletes a subscription and counts it at its topic.
func (s *SNS) remove(tx *state.Tx, x *subscription) error {
	var t topic
	found, err := tx.Get(topics, x.TopicARN, &t)
	if err == nil && found {
		t.Deleted++
		err = tx.Put(topics, t.ARN, t)
	}
	return errors.Join(err, tx.Delete(subscriptions, x.ARN))
}
