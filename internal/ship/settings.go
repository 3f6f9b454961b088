package ship

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	config_util "github.com/prometheus/common/config"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/receiver"
)

const (
	// recommendedSamples is max_samples_per_send as AWS recommends it for AMP. It
	// takes the place of Prometheus' default, which cannot be told from "not set".
	recommendedSamples = 1000
	// maxHold is how long a lane waits at most for a request to be full.
	maxHold = time.Second
	// receiverAgeLimit is the age from which AMP refuses samples.
	receiverAgeLimit = time.Hour
)

// settings are what the configuration says about one remote write. They are
// replaced as a whole by a reload.
type settings struct {
	config     *config.RemoteWriteConfig
	client     *receiver.Client
	rules      *relabeler // nil: there are none
	histograms bool
	classic    bool // histograms with custom buckets are converted
	legacyOnly bool // the receiver takes no UTF-8 names
	nhcb       bool // a scrape configuration makes histograms with custom buckets
	maxSamples int
	maxBytes   int // of a request before compression; ApplyConfig sets it
	hold       time.Duration
	ageLimit   time.Duration
	least      time.Duration // backoff
	most       time.Duration

	mu        sync.Mutex
	converted map[uint64][]labels.Labels // classic series by the histogram with custom buckets
}

// newSettings puts one remote_write section in force, once it is swapped in.
func newSettings(ctx context.Context, global *config.Config, c *config.RemoteWriteConfig) (*settings, error) {
	if c.URL.Scheme != "http" && c.URL.Scheme != "https" || c.URL.Hostname() == "" {
		return nil, hint.New(hint.BadInput, fmt.Errorf("remote_write %s: the URL must begin with http:// or https:// and have a host",
			receiver.PublicURL(c.URL.URL)), "write https://HOST/PATH")
	}
	if c.AzureADConfig != nil || c.GoogleIAMConfig != nil {
		return nil, hint.New(hint.BadInput, fmt.Errorf("remote_write %s: azuread and google_iam are not "+
			"supported", receiver.PublicURL(c.URL.URL)),
			"use sigv4, basic_auth, authorization, oauth2 or TLS client certificates")
	}
	client, err := config_util.NewClientFromConfig(c.HTTPClientConfig, "remote_storage_write_client")
	if err != nil {
		return nil, hint.New(hint.BadInput, fmt.Errorf("remote_write %s: %w", receiver.PublicURL(c.URL.URL), err),
			"correct the HTTP settings of the remote_write section")
	}
	// A redirect would send a signature to a host that it was not made for.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	s := &settings{
		config:     c,
		client:     &receiver.Client{HTTP: client, URL: c.URL.String(), Headers: c.Headers, Timeout: time.Duration(c.RemoteTimeout)},
		histograms: c.SendNativeHistograms, classic: c.ConvertNHCBToClassic, maxSamples: c.QueueConfig.MaxSamplesPerSend,
		hold: min(maxHold, time.Duration(c.QueueConfig.BatchSendDeadline)), ageLimit: receiverAgeLimit,
		least: time.Duration(c.QueueConfig.MinBackoff), most: time.Duration(c.QueueConfig.MaxBackoff),
	}
	if o := c.HTTPClientConfig.OAuth2; o != nil {
		s.client.TokenURL, client.Transport = o.TokenURL, receiver.FirstAlone(client.Transport)
	}
	scrapes, err := global.GetScrapeConfigs()
	if err != nil {
		return nil, hint.New(hint.BadInput, fmt.Errorf("could not read scrape_configs: %w", err), "correct the configuration")
	}
	for _, sc := range scrapes {
		// A sample is not to be behind the next one of its series.
		s.hold = min(s.hold, time.Duration(sc.ScrapeInterval))
		s.nhcb = s.nhcb || sc.ConvertClassicHistogramsToNHCBEnabled()
	}
	if s.maxSamples == config.DefaultQueueConfig.MaxSamplesPerSend {
		s.maxSamples = recommendedSamples
	}
	if limit := time.Duration(c.QueueConfig.SampleAgeLimit); limit > 0 {
		s.ageLimit = limit
	}
	if len(c.WriteRelabelConfigs) > 0 {
		s.rules = newRelabeler(c.WriteRelabelConfigs)
	}
	if v := c.SigV4Config; v != nil {
		s.legacyOnly = TakesLegacyOnly(c)
		s.client.Signer, err = receiver.NewSigner(ctx, receiver.SigV4{
			Region: v.Region, AccessKey: v.AccessKey, SecretKey: string(v.SecretKey), Profile: v.Profile,
			RoleARN: v.RoleARN, ExternalID: v.ExternalID, SessionName: v.SessionName, Tags: v.Tags,
			UseFIPSSTSEndpoint: v.UseFIPSSTSEndpoint, ServiceName: v.ServiceName,
		})
		if err != nil {
			return nil, err
		}
	}
	return s, nil
}

// close gives back the connections.
func (s *settings) close() {
	if s.client != nil {
		s.client.HTTP.CloseIdleConnections()
	}
}

// forget drops what is remembered of relabelling and was not asked for of late.
func (s *settings) forget() {
	s.mu.Lock()
	s.converted = nil
	s.mu.Unlock()
	if s.rules != nil {
		s.rules.forget()
	}
}

// keyNote is a key that means something else here than in stock Prometheus, or
// nothing.
type keyNote struct{ key, why string }

// notes are the section's keys that are not heeded as they stand.
func (s *settings) notes() (notes []keyNote) {
	c, stock := s.config, config.DefaultQueueConfig
	for _, k := range []struct {
		set bool
		keyNote
	}{
		{c.QueueConfig.Capacity != stock.Capacity,
			keyNote{"queue_config.capacity", "samples wait on disk, up to --queue.max-bytes, not in memory"}},
		{c.QueueConfig.MaxShards != stock.MaxShards,
			keyNote{"queue_config.max_shards", "the number of lanes is fixed by --queue.lanes, so that each series keeps its order"}},
		{c.QueueConfig.MinShards != stock.MinShards,
			keyNote{"queue_config.min_shards", "the number of lanes is fixed by --queue.lanes, so that each series keeps its order"}},
		{c.QueueConfig.BatchSendDeadline != stock.BatchSendDeadline && time.Duration(c.QueueConfig.BatchSendDeadline) > maxHold,
			keyNote{"queue_config.batch_send_deadline", "a lane waits at most 1s, or one scrape interval, for a full request"}},
		{c.QueueConfig.RetryOnRateLimit,
			keyNote{"queue_config.retry_on_http_429", "requests with an HTTP 429 response are always retried, at the rate that the " +
				"receiver accepts"}},
		{c.SendExemplars, keyNote{"send_exemplars", "exemplars are not sent, because AMP does not store exemplars"}},
		{c.RoundRobinDNS, keyNote{"round_robin_dns", "the system's resolver selects the address"}},
		{c.ProtobufMessage != config.DefaultRemoteWriteConfig.ProtobufMessage,
			keyNote{"protobuf_message", "remote write 1.0 is used, because AMP documents only version 1.0"}},
		{s.nhcb && !c.ConvertNHCBToClassic, keyNote{"convert_classic_histograms_to_nhcb", whyCustom}},
		{c.FailedRequestLogging, keyNote{"failed_request_logging", "the setting is for remote write 2.0"}},
	} {
		if k.set {
			notes = append(notes, k.keyNote)
		}
	}
	return notes
}

// tell logs how requests are made, since Prometheus' defaults cannot be told from
// values that are set, and the notes.
func (s *settings) tell(logger *slog.Logger, external labels.Labels) {
	if s.rules != nil {
		s.rules.logger = logger
	}
	logger.Info("samples are sent", "most_samples", s.maxSamples, "most_bytes", s.maxBytes, "longest_wait", s.hold.String())
	for _, n := range s.notes() {
		logger.Warn("setting has no effect or a different effect", "key", n.key, "why", n.why)
	}
	external.Range(func(l labels.Label) {
		if !model.LegacyValidation.IsValidLabelName(l.Name) {
			logger.Warn("receivers without support for UTF-8 names refuse every request with the external label", "label", l.Name)
		}
	})
}
