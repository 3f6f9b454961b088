package head

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/smithy-go/logging"
	"github.com/aws/smithy-go/middleware"
	"github.com/prometheus/prometheus/discovery"

	remote "github.com/parascope/parascope/internal/receiver"
)

// regional returns a discovery of AWS with the region that it lacks. Prometheus' would ask the
// same, but reads an answer of the instance metadata service to its end.
func regional(ctx context.Context, c discovery.Config) (discovery.Config, error) {
	v := reflect.ValueOf(c)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return c, nil
	}
	f := v.Elem().FieldByName("Region")
	if !f.IsValid() || f.Kind() != reflect.String || f.String() != "" {
		return c, nil
	}
	cfg, err := awsconfig.LoadDefaultConfig(ctx, awsconfig.WithLogger(logging.Nop{}),
		awsconfig.WithAPIOptions([]func(*middleware.Stack) error{remote.BoundAnswers}))
	if err == nil && cfg.Region == "" {
		var answer *imds.GetRegionOutput
		if answer, err = imds.NewFromConfig(cfg).GetRegion(ctx, &imds.GetRegionInput{}); err == nil {
			cfg.Region = answer.Region
		}
	}
	if err == nil && cfg.Region == "" {
		err = errors.New("the instance metadata service names none")
	}
	if err != nil {
		return nil, fmt.Errorf("could not determine AWS region: %w; set region in the configuration", err)
	}
	return in(v, cfg.Region).Interface().(discovery.Config), nil
}

// in returns a copy of a discovery's configuration with a region, and so of those that it holds.
func in(v reflect.Value, region string) reflect.Value {
	next := reflect.New(v.Elem().Type())
	next.Elem().Set(v.Elem())
	for i := range next.Elem().NumField() {
		f, kind := next.Elem().Field(i), next.Elem().Type().Field(i)
		switch {
		case kind.Name == "Region" && f.Kind() == reflect.String:
			f.SetString(region)
		case kind.Anonymous && f.Kind() == reflect.Pointer && !f.IsNil() && f.Elem().Kind() == reflect.Struct:
			f.Set(in(f, region))
		}
	}
	return next
}

// prepare creates the discoverer again with a region where its configuration has none. It retries until ctx
// ends.
func (r *running) prepare(ctx context.Context) discovery.Config {
	for wait := leastRenewal; ctx.Err() == nil; wait = min(2*wait, mostRenewal) {
		c, err := regional(ctx, r.config.Config)
		if err == nil && c == r.config.Config {
			return c
		}
		if err == nil {
			var next discovery.Discoverer
			if next, err = c.NewDiscoverer(r.options); err == nil {
				r.inner = next
				return c
			}
		}
		if ctx.Err() == nil {
			r.options.Logger.Error("Unable to refresh target groups", "err", err.Error())
			<-r.failed // the retry is here
			r.config.watch.wait(ctx, wait)
		}
	}
	return r.config.Config
}
