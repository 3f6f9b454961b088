package head

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/pprof"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/listen"
	remote "github.com/parascope/parascope/internal/receiver"
	"github.com/parascope/parascope/internal/scrape"
)

// handler serves the part of Prometheus' pages that an agent has.
func (h *Head) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.InstrumentMetricHandler(h.registry,
		promhttp.HandlerFor(h.registry, promhttp.HandlerOpts{Registry: h.registry})))
	mux.HandleFunc("GET /-/healthy", say("Prometheus Agent is Healthy.\n"))
	mux.HandleFunc("GET /-/ready", say("Prometheus Agent is Ready.\n"))
	mux.HandleFunc("GET /api/v1/targets", h.targets)
	mux.HandleFunc("GET "+deliveryPath, h.delivery)
	if h.opts.EnablePprof {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	for path, page := range h.opts.Pages {
		mux.Handle("GET "+path, page)
	}
	mux.HandleFunc("POST /-/reload", h.reloadOverHTTP)
	mux.HandleFunc("PUT /-/reload", h.reloadOverHTTP)
	return mux
}

// guarded is the handler behind the prefix of its paths, for those who may ask.
func (h *Head) guarded() http.Handler {
	external, err := url.Parse(h.opts.ExternalURL)
	if err != nil {
		external = &url.URL{} // Validate has seen to it
	}
	prefix := "/" + strings.Trim(cmp.Or(h.opts.RoutePrefix, external.Path), "/")
	handler := h.handler()
	if prefix != "/" {
		handler = http.StripPrefix(prefix, handler)
	}
	if h.protect != nil {
		handler = h.protect(handler)
	}
	if external.Host == "" {
		return listen.Guard(h.listener.Addr(), handler)
	}
	return listen.Guard(h.listener.Addr(), handler, external.Hostname())
}

func say(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, text) }
}

func (h *Head) reloadOverHTTP(w http.ResponseWriter, r *http.Request) {
	if !h.opts.EnableLifecycle {
		http.Error(w, "Lifecycle API is not enabled.", http.StatusForbidden)
		return
	}
	answer := make(chan error, 1)
	select {
	case h.reload <- answer:
	case <-r.Context().Done():
		return
	}
	if err := <-answer; err != nil {
		http.Error(w, fmt.Sprintf("failed to reload config: %s", remote.PublicText(err.Error())), http.StatusInternalServerError)
	}
}

// target is one as Prometheus' API prints it.
type target struct {
	DiscoveredLabels   labels.Labels `json:"discoveredLabels"`
	Labels             labels.Labels `json:"labels"`
	ScrapePool         string        `json:"scrapePool"`
	ScrapeURL          string        `json:"scrapeUrl"`
	GlobalURL          string        `json:"globalUrl"`
	LastError          string        `json:"lastError"`
	LastScrape         time.Time     `json:"lastScrape"`
	LastScrapeDuration float64       `json:"lastScrapeDuration"`
	Health             string        `json:"health"`
	ScrapeInterval     string        `json:"scrapeInterval"`
	ScrapeTimeout      string        `json:"scrapeTimeout"`
}

// targets serves GET /api/v1/targets.
func (h *Head) targets(w http.ResponseWriter, _ *http.Request) {
	active := []target{}
	for pool, all := range h.scrape.TargetsActive() {
		for _, t := range all {
			active = append(active, describe(pool, t))
		}
	}
	slices.SortFunc(active, func(a, b target) int {
		return strings.Compare(a.ScrapePool+a.ScrapeURL, b.ScrapePool+b.ScrapeURL)
	})
	answerJSON(w, map[string]any{
		"activeTargets": active, "droppedTargets": []target{}, "droppedTargetCounts": h.scrape.TargetsDroppedCounts(),
	})
}

// delivery serves GET /api/v1/delivery: what became of the samples.
func (h *Head) delivery(w http.ResponseWriter, _ *http.Request) {
	answerJSON(w, Delivery{h.ship.Status(), h.watch.status()})
}

// answerJSON answers in the frame of Prometheus' API.
func answerJSON(w http.ResponseWriter, data any) {
	body, err := json.Marshal(map[string]any{"status": "success", "data": data})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(body) // an error means that the client is gone
}

func describe(pool string, t *scrape.Target) target {
	b := labels.NewBuilder(labels.EmptyLabels())
	lastError := ""
	if err := t.LastError(); err != nil {
		lastError = awserr.Public(remote.PublicText(err.Error())) // it may have the URL of a redirect, or of tokens
	}
	url := t.URL().String()
	discovered := t.DiscoveredLabels(b)
	if of := discovered.Get("__meta_url"); of != "" { // that of an http_sd, with its password
		b.Reset(discovered)
		discovered = b.Set("__meta_url", remote.PublicRaw(of)).Labels()
	}
	return target{
		DiscoveredLabels: discovered, Labels: t.Labels(b), ScrapePool: pool, ScrapeURL: url, GlobalURL: url,
		LastError: lastError, LastScrape: t.LastScrape(), LastScrapeDuration: t.LastScrapeDuration().Seconds(), Health: string(t.Health()),
		ScrapeInterval: t.GetValue("__scrape_interval__"), ScrapeTimeout: t.GetValue("__scrape_timeout__"),
	}
}
