package amp

import (
	"context"
	"maps"
	"math"
	"net/http"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/golang/snappy"
	"google.golang.org/protobuf/encoding/protowire"
)

// protobuf is the content type of remote write.
const protobuf = "application/x-protobuf"

// WriteSample sends one sample of a series, whose labels have its name, __name__, to the
// workspace behind endpoint.
func WriteSample(ctx context.Context, cfg aws.Config, endpoint string, labels map[string]string, value float64, at time.Time) error {
	plane, err := newDataPlane(cfg, endpoint)
	if err != nil {
		return err
	}
	body := snappy.Encode(nil, AppendSeries(nil, labels, Sample{at.UnixMilli(), value}))
	status, answer, err := plane.send(ctx, http.MethodPost, "/api/v1/remote_write", protobuf, body)
	if err == nil && status/100 != 2 {
		err = refusalOf(status, answer)
	}
	return err
}

// Sample is a series' value at a time.
type Sample struct {
	Millis int64 // since 1970
	Value  float64
}

// AppendSeries appends a series with its samples, in order, to an uncompressed WriteRequest of remote
// write 1.0. The labels have the series' name, __name__.
func AppendSeries(b []byte, labels map[string]string, samples ...Sample) []byte {
	var series []byte
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		label := appendText(appendText(nil, 1, name), 2, labels[name])
		series = appendText(series, 1, string(label))
	}
	for _, s := range samples {
		sample := protowire.AppendFixed64(protowire.AppendTag(nil, 1, protowire.Fixed64Type), math.Float64bits(s.Value))
		sample = protowire.AppendVarint(protowire.AppendTag(sample, 2, protowire.VarintType), uint64(s.Millis))
		series = appendText(series, 2, string(sample))
	}
	return appendText(b, 1, string(series))
}

func appendText(b []byte, field protowire.Number, text string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), text)
}
