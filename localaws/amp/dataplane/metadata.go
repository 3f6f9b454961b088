package dataplane

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/prometheus/prompb"

	"github.com/parascope/parascope/localaws/gateway"
)

// AMP's quotas for metadata; what is above them is left out silently.
const (
	maxMetadataBytes     = 1 << 10
	maxMetadataPerMetric = 10
	maxMetadataMetrics   = 20_000
)

// metadata is one description of a metric, as Prometheus' API prints it.
type metadata struct {
	Type string `json:"type"`
	Help string `json:"help"`
	Unit string `json:"unit"`
}

// remember keeps metadata in memory: senders repeat it every minute.
func (ws *workspace) remember(all []prompb.MetricMetadata) {
	ws.metadataMu.Lock()
	defer ws.metadataMu.Unlock()
	for _, m := range all {
		known, found := ws.metadata[m.MetricFamilyName]
		entry := metadata{Type: strings.ToLower(m.Type.String()), Help: m.Help, Unit: m.Unit}
		tooMuch := len(m.MetricFamilyName)+len(m.Help)+len(m.Unit) > maxMetadataBytes ||
			len(known) >= maxMetadataPerMetric || !found && len(ws.metadata) >= maxMetadataMetrics
		if !tooMuch && m.MetricFamilyName != "" && !slices.Contains(known, entry) {
			ws.metadata[m.MetricFamilyName] = append(slices.Clip(known), entry)
		}
	}
}

// getMetadata serves GET …/metadata?metric=&limit=&limit_per_metric=.
func (s *Store) getMetadata(w http.ResponseWriter, r *gateway.Request) error {
	return s.with(r, func(ws *workspace) error {
		query := r.URL.Query()
		limit, err := readLimit(query.Get("limit"))
		if err != nil {
			return badData(w, "limit must be a number")
		}
		perMetric, err := readLimit(query.Get("limit_per_metric"))
		if err != nil {
			return badData(w, "limit_per_metric must be a number")
		}
		ws.metadataMu.Lock()
		found := map[string][]metadata{}
		for name, all := range ws.metadata {
			if only := query.Get("metric"); only != "" && only != name || limit >= 0 && len(found) >= limit {
				continue
			}
			if perMetric > 0 && len(all) > perMetric {
				all = all[:perMetric]
			}
			found[name] = all
		}
		ws.metadataMu.Unlock()
		return gateway.WriteJSON(w, http.StatusOK, map[string]any{"status": "success", "data": found})
	})
}

// readLimit is -1 for no limit.
func readLimit(s string) (int, error) {
	if s == "" {
		return -1, nil
	}
	return strconv.Atoi(s)
}
