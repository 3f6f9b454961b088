package deploy

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/hint"
)

// LogLine is one line of the setup function's log.
type LogLine struct {
	Time time.Time `json:"time"`
	Text string    `json:"text"`
}

// followEvery is how often the log is asked for more.
const followEvery = 2 * time.Second

// Logs gives each line of the setup function's log since a time, and with follow
// those that come until ctx ends, which is no error.
func Logs(ctx context.Context, cfg aws.Config, t Target, since time.Time, follow bool, each func(LogLine) error) error {
	l := functionLog{client: cloudwatchlogs.NewFromConfig(cfg), target: t, region: cfg.Region, seen: map[string]bool{}}
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		err := l.read(ctx, since, each)
		if follow && ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if !follow {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// functionLog is the log of a stack's setup function.
type functionLog struct {
	client *cloudwatchlogs.Client
	target Target
	region string
	seen   map[string]bool // lines that were read, by CloudWatch's ids
}

// read gives each line since a time that was not read before.
func (l functionLog) read(ctx context.Context, since time.Time, each func(LogLine) error) error {
	group := "/aws/lambda/" + FunctionName(l.target.StackName)
	pages := cloudwatchlogs.NewFilterLogEventsPaginator(l.client,
		&cloudwatchlogs.FilterLogEventsInput{LogGroupName: &group, StartTime: aws.Int64(since.UnixMilli())})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if _, missing := errors.AsType[*types.ResourceNotFoundException](err); missing {
			return hint.New(hint.NotFound, fmt.Errorf("there is no log group %s in %s", group, l.region),
				"'"+l.target.Command("up")+"' creates the log group; --stack selects another stack")
		}
		if err != nil {
			return awserr.Explain("read log group "+group, err, awserr.Next{Denied: deniedBy})
		}
		for _, e := range page.Events {
			id := aws.ToString(e.EventId)
			if l.seen[id] {
				continue
			}
			l.seen[id] = true
			if err := each(LogLine{time.UnixMilli(aws.ToInt64(e.Timestamp)), strings.TrimRight(aws.ToString(e.Message), "\n")}); err != nil {
				return err
			}
		}
	}
	return nil
}
