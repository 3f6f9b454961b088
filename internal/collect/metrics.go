package collect

import (
	"net/http"
	"strconv"
)

// maxScrapes is how many scrapes may be in progress at once; those of one moment share a
// reading, so that this bounds memory and clients that stop reading.
const maxScrapes = 256

// contentType is that of Prometheus' text format.
const contentType = "text/plain; version=0.0.4; charset=utf-8"

// metrics is the handler of the metrics page.
type metrics struct {
	scraper *Scraper
	slots   chan struct{}
}

func newMetrics(s *Scraper) *metrics { return &metrics{s, make(chan struct{}, maxScrapes)} }

// ServeHTTP serves all collectors, or those that ?collect[]= or ?exclude[]= leave,
// which is how scrape configurations for node_exporter choose.
func (m *metrics) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case m.slots <- struct{}{}:
		defer func() { <-m.slots }()
	default:
		http.Error(w, "too many concurrent scrapes; the limit is "+strconv.Itoa(maxScrapes), http.StatusServiceUnavailable)
		return
	}
	set := m.scraper.all()
	if r.URL.RawQuery != "" {
		query := r.URL.Query()
		wanted, excluded := query["collect[]"], query["exclude[]"]
		if len(wanted) > 0 && len(excluded) > 0 {
			http.Error(w, "collect[] and exclude[] cannot be combined", http.StatusBadRequest)
			return
		}
		named, err := m.scraper.Set(append(wanted, excluded...))
		switch {
		case err != nil:
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		case len(wanted) > 0:
			set = named
		default:
			set &^= named
		}
	}
	m.scraper.Page(set, func(body []byte) {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.Write(body) // an error is the client's end
	})
}
