package collect

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/parascope/parascope/internal/collect/gpu"
	"github.com/parascope/parascope/internal/collect/page"
	"github.com/parascope/parascope/internal/hint"
)

// GPUPort is dcgm-exporter's port.
const GPUPort = "9400"

// GPUAddress is where the page of GPUs is served unless another address is given: port
// 9400 of the host on which the node's page is served, or a free port if that has one.
func GPUAddress(node string) (string, error) {
	host, port, err := net.SplitHostPort(node)
	if err != nil {
		return "", hint.New(hint.Usage, fmt.Errorf("address %q: %w", node, err), "give HOST:PORT")
	}
	if port != "0" {
		port = GPUPort
	}
	return net.JoinHostPort(host, port), nil
}

// NewGPU prepares a Server of the page of GPUs at address, for the machine of o.
func NewGPU(o Options, address string, g gpu.Options) (*Server, error) {
	o.Address = address
	if err := o.Validate(); err != nil {
		return nil, err
	}
	s := newServer(o, NewScraper(o.env(), o.MaxSeries, GPUCollectors(g)))
	s.subject = "GPU metrics"
	return protected(s, o.Config)
}

// env is what collectors know about their surroundings.
func (o Options) env() page.Env {
	return page.Env{
		Root: o.RootFS, ProcFS: o.ProcFS, SysFS: o.SysFS, Now: time.Now, Logger: o.Logger,
		Full: o.Full, EachCPU: o.EachCPU, EachDevice: o.EachDevice, Textfiles: o.Textfiles, Jobs: o.Jobs,
	}
}

// RunBoth serves the node's page and that of its GPUs until ctx is done, which is no
// error, or serving the node's fails. That the GPUs' cannot be served, because
// dcgm-exporter holds its port for example, is logged and no more.
func RunBoth(ctx context.Context, node, gpus *Server) error {
	if err := node.Start(ctx); err != nil {
		return err
	}
	lost := gpus.served
	if err := gpus.Start(ctx); err != nil {
		gpus.logger.Warn("could not serve GPU metrics; free the address and restart parascope-node, or set --gpu.listen-address",
			"err", err)
		gpus = nil
	}
	stop := func() error {
		ctx := context.WithoutCancel(ctx)
		if gpus == nil {
			return node.Stop(ctx)
		}
		return errors.Join(node.Stop(ctx), gpus.Stop(ctx))
	}
	for {
		select {
		case err := <-node.served:
			return errors.Join(fmt.Errorf("could not serve node metrics on %s: %w", node.Addr(), err), stop())
		case err := <-lost:
			gpus.logger.Error("GPU metrics are no longer served", "err", err)
			lost = nil
		case <-ctx.Done():
			return stop()
		}
	}
}
