package ship

import (
	"context"
	"time"

	"github.com/klauspost/compress/s2"
	"github.com/prometheus/prometheus/prompb"

	"github.com/parascope/parascope/internal/receiver"
	"github.com/parascope/parascope/internal/sample"
)

// sendMetadata tells the receiver what metrics there are, every
// metadata_config.send_interval, as Prometheus does. It is not queued: what is
// not told now is told the next time, and while samples are delayed nothing is.
func (r *remote) sendMetadata(ctx context.Context) {
	for {
		interval := time.Minute
		if set := r.settings.Load(); set.config != nil {
			interval = time.Duration(set.config.MetadataConfig.SendInterval)
		}
		if !sleep(ctx, interval) {
			return
		}
		set := r.settings.Load()
		if set.config == nil || !set.config.MetadataConfig.Send || !r.configured.Load() || r.health.Failing() {
			continue
		}
		for _, body := range metadataBodies(r.ship.options.Metadata(), set.config.MetadataConfig.MaxSamplesPerSend) {
			a := set.client.Post(ctx, body, 0, r.clock)
			r.traffic.Answered(a.Code, 0, len(body), false)
			if a.Meaning != receiver.Accepted {
				if ctx.Err() == nil {
					r.logger.Warn("the receiver did not take metadata", said("code", a.Code, "answer", a.Text)...)
				}
				break
			}
		}
	}
}

// metadataBodies makes requests of at most n pieces.
func metadataBodies(all []sample.Metadata, n int) [][]byte {
	var bodies [][]byte
	for len(all) > 0 {
		part := all[:min(max(n, 1), len(all))]
		all = all[len(part):]
		var request prompb.WriteRequest
		for _, m := range part {
			request.Metadata = append(request.Metadata, prompb.MetricMetadata{
				Type: prompb.FromMetadataType(m.Type), MetricFamilyName: m.Family, Help: m.Help, Unit: m.Unit,
			})
		}
		raw, err := request.Marshal()
		if err != nil {
			continue // the generated code has no way to fail on it
		}
		bodies = append(bodies, s2.EncodeSnappy(nil, raw))
	}
	return bodies
}
