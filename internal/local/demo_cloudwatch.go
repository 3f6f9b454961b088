package local

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/parascope/parascope/internal/madeup"
	"github.com/parascope/parascope/localaws/cloudwatch"
)

// watchedStep is how far apart CloudWatch's values of the made-up cluster are.
const watchedStep = 5 * time.Minute

// watched are CloudWatch's values of the made-up cluster at a time: ParallelCluster's metric
// filters, the head node's metrics, and two file systems.
func watched(at time.Time) (values []cloudwatch.Value) {
	hour := float64(at.Unix()) / 3600
	wave := func(middle, swing, period float64) float64 { return middle + swing*math.Sin(2*math.Pi*hour/period) }
	now := func(minutes int64) float64 { // 1 once in so many minutes
		if at.Unix()/60%minutes < int64(watchedStep.Minutes()) {
			return 1
		}
		return 0
	}
	add := func(namespace, name string, value float64, dimensions ...string) {
		v := cloudwatch.Value{Namespace: namespace, Name: name, At: at, Value: value, Dimensions: map[string]string{}}
		for i := 0; i < len(dimensions); i += 2 {
			v.Dimensions[dimensions[i]] = dimensions[i+1]
		}
		values = append(values, v)
	}
	for name, value := range map[string]float64{
		"IamPolicyErrors": 0, "VcpuLimitErrors": 0, "VolumeLimitErrors": 0, "InsufficientCapacityErrors": 4 * now(15),
		"OtherInstanceLaunchFailures": now(30), "InstanceBootstrapTimeoutErrors": now(45), "EC2HealthCheckErrors": now(60),
		"ScheduledEventHealthCheckErrors": 0, "NoCorrespondingInstanceErrors": 0, "SlurmNodeNotRespondingErrors": now(20),
		"MaxDynamicNodeIdleTime": 60 * float64(at.Unix()/60%11),
	} {
		add("ParallelCluster", name, value, "ClusterName", madeup.LiveCluster)
	}
	head := madeup.LiveHeadInstance
	add("AWS/EC2", "CPUUtilization", wave(31, 9, 0.7), "InstanceId", head)
	add("CWAgent", "mem_used_percent", wave(46, 3, 1.3), "InstanceId", head)
	add("CWAgent", "disk_used_percent", 62, "InstanceId", head, "path", "/")
	add("AWS/FSx", "DataReadBytes", wave(2.4e12, 6e11, 0.9), "FileSystemId", "fs-made-up-lustre")
	add("AWS/FSx", "DataWriteBytes", wave(7e11, 3e11, 0.5), "FileSystemId", "fs-made-up-lustre")
	add("AWS/FSx", "FreeDataStorageCapacity", wave(9.1e12, 2e11, 5), "FileSystemId", "fs-made-up-lustre")
	add("AWS/EFS", "MeteredIOBytes", wave(5e9, 2e9, 1.1), "FileSystemId", "fs-made-up-home")
	add("AWS/EFS", "PercentIOLimit", wave(22, 8, 1.1), "FileSystemId", "fs-made-up-home")
	return values
}

// logged are lines of the made-up cluster's log at a time; of most times there are none.
func logged(at time.Time) (lines []string) {
	minute := at.Unix() / 60
	if minute%15 == 0 {
		lines = append(lines, "clustermgtd ERROR - Failed to launch instances due to limited EC2 capacity for following nodes: "+
			"demo-cpu-dy-hpc7a-5: InsufficientInstanceCapacity")
	}
	if minute%20 == 0 {
		lines = append(lines, "slurmctld ERROR: Nodes demo-cpu-dy-hpc7a-5 not responding, setting DOWN")
	}
	if minute%5 == 0 {
		lines = append(lines, "clustermgtd INFO - Setting nodes to power down: none")
	}
	return lines
}

// demoLog is the name of the made-up cluster's log group that begins at a time.
func demoLog(began time.Time) string {
	return "/aws/parallelcluster/" + madeup.LiveCluster + "-" + began.UTC().Format("200601021504")
}

// watch puts the last hour of the made-up cluster into CloudWatch and its logs, and then
// what comes, until ctx is done.
func (d *demo) watch(ctx context.Context, operator aws.Config, began time.Time, record func([]cloudwatch.Value) error,
	report func(Event)) error {
	logs := cloudwatchlogs.NewFromConfig(operator)
	from := d.now().Add(-time.Hour).Truncate(watchedStep)
	next, err := makeLog(ctx, logs, demoLog(began), from)
	if err != nil {
		return fmt.Errorf("could not create the log of the made-up cluster: %w", err)
	}
	var values []cloudwatch.Value
	at := from
	step := func() error {
		values = values[:0]
		for ; !at.After(d.now()); at = at.Add(watchedStep) {
			values = append(values, watched(at)...)
		}
		err := record(values)
		for ; err == nil && !next.After(d.now()); next = next.Add(time.Minute) {
			err = putLines(ctx, logs, demoLog(began), next)
		}
		return err
	}
	if err := step(); err != nil {
		return fmt.Errorf("could not put the made-up cluster's metrics and log into CloudWatch: %w", err)
	}
	go func() {
		tick := time.NewTicker(time.Minute)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if err := step(); err != nil && ctx.Err() == nil {
				report(Event{Kind: Trouble, What: "demo", Detail: err.Error()})
			}
		}
	}()
	return nil
}

var demoStreams = []string{"clustermgtd", "slurmctld"}

// makeLog makes the log group with its streams, and returns from when on it has no lines.
func makeLog(ctx context.Context, logs *cloudwatchlogs.Client, group string, from time.Time) (time.Time, error) {
	_, err := logs.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &group})
	if _, exists := errors.AsType[*types.ResourceAlreadyExistsException](err); err != nil && !exists {
		return from, err
	}
	for _, name := range demoStreams {
		_, err := logs.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: &group,
			LogStreamName: aws.String("demo-head." + name)})
		if _, exists := errors.AsType[*types.ResourceAlreadyExistsException](err); err != nil && !exists {
			return from, err
		}
	}
	streams, err := logs.DescribeLogStreams(ctx, &cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: &group})
	if err != nil {
		return from, err
	}
	for _, s := range streams.LogStreams {
		if last := time.UnixMilli(aws.ToInt64(s.LastEventTimestamp)).Truncate(time.Minute).Add(time.Minute); last.After(from) {
			from = last
		}
	}
	return from, nil
}

// putLines sends the lines of a time, each to the stream that its first word names.
func putLines(ctx context.Context, logs *cloudwatchlogs.Client, group string, at time.Time) error {
	for _, line := range logged(at) {
		stream, text, _ := strings.Cut(line, " ")
		if _, err := logs.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{LogGroupName: &group,
			LogStreamName: aws.String("demo-head." + stream),
			LogEvents:     []types.InputLogEvent{{Timestamp: aws.Int64(at.UnixMilli()), Message: &text}}}); err != nil {
			return err
		}
	}
	return nil
}
