package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/parascope/parascope/bench/internal/agents"
	"github.com/parascope/parascope/bench/internal/receive"
	"github.com/parascope/parascope/bench/internal/simulate"
)

// stage is a fleet with agents on it, each with a receiver of its own.
type stage struct {
	fleet   *simulate.Fleet
	pages   *http.Server
	players []player
	started time.Time
}

type player struct {
	kind     agents.Kind
	process  *agents.Process
	receiver *receive.Receiver
}

// perScrape is how many samples one scrape of the whole fleet is.
func perScrape(nodes int) int { return nodes * (nodeSeries + gpuSeries) }

// open starts the agents, all at the same moment; answer is what their receivers
// do at first.
func (b bench) open(name string, nodes int, interval time.Duration, answer receive.Answer, kinds ...agents.Kind) (_ *stage, err error) {
	s := &stage{fleet: simulate.New(nodes, nodeSeries, gpuSeries, time.Now)}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("bind fleet: %w", err)
	}
	s.pages = &http.Server{Handler: s.fleet, ReadHeaderTimeout: 10 * time.Second}
	go s.pages.Serve(listener) // ends with Close
	s.started = time.Now()
	for _, k := range kinds {
		receiver, err := receive.New(receive.Options{Logger: b.logger})
		if err != nil {
			return nil, errors.Join(err, s.pages.Close())
		}
		receiver.Set(answer)
		p, err := k.Start(agents.Task{
			Dir: filepath.Join(b.work, name+"-"+k.Name), Fleet: listener.Addr().String(), Targets: s.fleet.Targets(),
			Interval: interval, Endpoint: receiver.URL(),
		})
		if err != nil {
			return nil, errors.Join(err, receiver.Close(), s.pages.Close())
		}
		s.players = append(s.players, player{k, p, receiver})
	}
	return s, nil
}

// close ends the agents and everything else.
func (s *stage) close(ctx context.Context) error {
	var errs []error
	for _, p := range s.players {
		errs = append(errs, p.process.Stop(ctx), p.receiver.Close())
	}
	return errors.Join(append(errs, s.pages.Close())...)
}

// figures are what one agent used for what it did.
type figures struct {
	agent   string
	usage   agents.Usage
	samples int
}

func (p player) measure() (figures, error) {
	if err := p.process.Alive(); err != nil {
		return figures{}, err
	}
	u, err := p.process.Usage()
	return figures{p.kind.Name, u, p.receiver.Samples()}, err
}

// perMillion is CPU time for a million samples.
func (f figures) perMillion() time.Duration {
	if f.samples == 0 {
		return 0
	}
	return time.Duration(float64(f.usage.CPU) / float64(f.samples) * 1e6)
}

func (f figures) megabytes() float64 { return float64(f.usage.PeakRSS) / 1e6 }

// wait lets d pass.
func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
