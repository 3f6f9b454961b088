package main

import (
	"bytes"
	"compress/gzip"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/parascope/parascope/bench/internal/agents"
	"github.com/parascope/parascope/bench/internal/receive"
	"github.com/parascope/parascope/bench/internal/simulate"
)

// troubles are those that need more around the agent than a receiver that fails.
func troubles() []fault {
	accept := func(s *scene) error { s.receiver.Set(receive.Accept); return nil }
	return []fault{
		{name: "disk full", only: agents.Parascope, fills: true, prepare: smallDisk,
			begin: func(s *scene) error { s.receiver.Set(receive.Unavailable); return nil }, end: accept},
		{name: "hostile page", prepare: hostilePage},
		{name: "series limit", repeats: true, prepare: extraPage,
			begin: func(s *scene) error {
				s.receiver.Refuse(func(metric string) string {
					if strings.HasPrefix(metric, simulate.ExtraPrefix) {
						return "maxFailure (quorum) on a given error family, addr=127.0.0.1:9095 state=ACTIVE zone=, rpc error: code = Code(400) " +
							"desc = user=T: per-user series limit of 5110 exceeded, please contact administrator to raise it"
					}
					return ""
				})
				return nil
			},
			end: func(s *scene) error { s.receiver.Refuse(nil); return nil }},
		{name: "never accepted", repeats: true, prepare: func(s *scene) error {
			s.receiver.Refuse(func(metric string) string {
				if metric == simulate.ExtraPrefix+"0" {
					return "labels size bytes exceeded for metric (actual: 8417, limit: 7168) metric: \"" + metric + "{\""
				}
				return ""
			})
			return extraPage(s)
		}},
		{name: "rotating keys", only: agents.Parascope, unsigned: true, late: true, prepare: discoverByEC2,
			begin: func(s *scene) error { return s.cloud.rotate() }},
	}
}

// serve serves on a free port of this machine until the trial is over.
func (s *scene) serve(h http.Handler) (address string, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	go server.Serve(listener) // ends with Close
	s.closers = append(s.closers, server.Close)
	return listener.Addr().String(), nil
}

// diskBytes is the size of the small disk: less than what comes in an outage.
const diskBytes = 256 << 10

// smallDisk puts the agent's data on a filesystem of its own.
func smallDisk(s *scene) error {
	dir := filepath.Join(s.task.Dir, "data")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", diskBytes)); err != nil {
		return fmt.Errorf("mount a small disk, which needs root: %w", err)
	}
	s.closers = append(s.closers, func() error { return syscall.Unmount(dir, syscall.MNT_DETACH) })
	return nil
}

// hostilePage adds a target whose page has a label of 2^24 bytes, which panics in
// Prometheus' label encoder.
func hostilePage(s *scene) error {
	var page bytes.Buffer
	zip := gzip.NewWriter(&page)
	_, err := io.WriteString(zip, "evil{x=\""+strings.Repeat("x", 1<<24)+"\"} 1\n")
	if err = errors.Join(err, zip.Close()); err != nil {
		return err
	}
	address, err := s.serve(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(page.Bytes()) // an error means that the client is gone
	}))
	s.task.MoreJobs = fmt.Sprintf("  - job_name: hostile\n    static_configs: [{targets: [%q]}]\n", address)
	return err
}

// extraSeries are those of the page that is refused.
const extraSeries = 40

// extraPage adds a target whose series are not counted.
func extraPage(s *scene) error {
	address, err := s.serve(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for i := range extraSeries {
			fmt.Fprintf(w, "%s%d 1\n", simulate.ExtraPrefix, i)
		}
	}))
	s.task.MoreJobs = fmt.Sprintf("  - job_name: extra\n    static_configs: [{targets: [%q]}]\n", address)
	return err
}

// cloud answers DescribeInstances with the fleet's targets, to who signs with the
// present key. The last target comes with the second key.
type cloud struct {
	file    string // the shared credentials file
	fleet   string // host:port
	targets []simulate.Target

	mu  sync.Mutex
	key int
}

func (c *cloud) rotate() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.key++
	text := fmt.Sprintf("[default]\naws_access_key_id = AKIABENCH%07d\naws_secret_access_key = bench-secret-%d\n", c.key, c.key)
	return os.WriteFile(c.file, []byte(text), 0o600)
}

func discoverByEC2(s *scene) error {
	s.cloud = &cloud{file: filepath.Join(s.task.Dir, "credentials"), fleet: s.task.Fleet, targets: s.task.Targets}
	if err := errors.Join(os.MkdirAll(s.task.Dir, 0o700), s.cloud.rotate()); err != nil {
		return err
	}
	address, err := s.serve(s.cloud)
	if err != nil {
		return err
	}
	_, port, err := net.SplitHostPort(s.task.Fleet)
	s.task.Targets = nil
	s.task.Env = []string{"AWS_SHARED_CREDENTIALS_FILE=" + s.cloud.file, "AWS_EC2_METADATA_DISABLED=true"}
	s.task.MoreJobs = fmt.Sprintf(`  - job_name: node
    ec2_sd_configs: [{endpoint: "http://%s", region: us-east-2, port: %s, refresh_interval: 1s}]
    relabel_configs:
      - {source_labels: [__meta_ec2_tag_path], target_label: __metrics_path__}
      - {source_labels: [__meta_ec2_tag_instance], target_label: instance}
`, address, port)
	return err
}

type ec2Tag struct {
	Key   string `xml:"key"`
	Value string `xml:"value"`
}

type ec2Instance struct {
	ID    string   `xml:"instanceId"`
	Image string   `xml:"imageId"`
	Type  string   `xml:"instanceType"`
	State string   `xml:"instanceState>name"`
	Zone  string   `xml:"placement>availabilityZone"`
	IP    string   `xml:"privateIpAddress"`
	Tags  []ec2Tag `xml:"tagSet>item"`
}

func (c *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	key := c.key
	c.mu.Unlock()
	if err := r.ParseForm(); err != nil || !strings.Contains(r.Header.Get("Authorization"), fmt.Sprintf("Credential=AKIABENCH%07d/", key)) {
		w.WriteHeader(http.StatusUnauthorized)
		io.WriteString(w, "<Response><Errors><Error><Code>AuthFailure</Code><Message>AWS was not able to validate the provided access "+
			"credentials</Message></Error></Errors><RequestID>1</RequestID></Response>")
		return
	}
	if r.Form.Get("Action") != "DescribeInstances" {
		io.WriteString(w, "<DescribeAvailabilityZonesResponse><availabilityZoneInfo>"+
			"<item><zoneName>us-east-2a</zoneName><zoneId>use2-az1</zoneId>"+
			"</item></availabilityZoneInfo></DescribeAvailabilityZonesResponse>")
		return
	}
	var answer struct {
		XMLName   xml.Name      `xml:"DescribeInstancesResponse"`
		Instances []ec2Instance `xml:"reservationSet>item>instancesSet>item"`
	}
	targets := c.targets
	if key == 1 {
		targets = targets[:len(targets)-1]
	}
	for i, t := range targets {
		answer.Instances = append(answer.Instances, ec2Instance{fmt.Sprintf("i-%017d", i), "ami-1", "c6i.large", "running", "us-east-2a",
			"127.0.0.1", []ec2Tag{{"path", t.Path}, {"instance", t.Instance}}})
	}
	if err := xml.NewEncoder(w).Encode(answer); err != nil {
		return // the client is gone
	}
}
