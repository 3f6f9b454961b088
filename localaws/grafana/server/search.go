package server

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/parascope/parascope/localaws/state"
)

// maxHits is how many a search finds when the client does not say.
const maxHits = 1000

// search finds folders and dashboards.
func (s *Server) search(c *call) error {
	folders, err := s.folders(c.ws.ID)
	if err != nil {
		return err
	}
	var dashboards []dashboard
	err = s.opts.State.View(func(tx *state.Tx) (err error) {
		dashboards, err = all[dashboard](tx, dashboardBucket, c.ws.ID)
		return err
	})
	if err != nil {
		return err
	}
	slices.SortFunc(dashboards, func(a, b dashboard) int { return strings.Compare(strings.ToLower(a.Title), strings.ToLower(b.Title)) })
	query := c.URL.Query()
	hits := []map[string]any{}
	if query.Get("type") != "dash-db" {
		hits = append(hits, folderHits(query, folders)...)
	}
	if query.Get("type") != "dash-folder" {
		hits = append(hits, dashboardHits(query, dashboards, folders)...)
	}
	return c.write(http.StatusOK, paged(query, hits))
}

// paged cuts out the page that limit and page, which begins with 1, name.
func paged(query url.Values, hits []map[string]any) []map[string]any {
	limit, err := strconv.Atoi(query.Get("limit"))
	if err != nil || limit < 1 {
		limit = maxHits
	}
	page, err := strconv.Atoi(query.Get("page"))
	if err != nil || page < 1 {
		page = 1
	}
	if page > len(hits)/limit+1 {
		return []map[string]any{}
	}
	from := min(len(hits), (page-1)*limit)
	return hits[from:min(len(hits), from+limit)]
}

// titled reports whether a title has the query's words in it.
func titled(query url.Values, title string) bool {
	return strings.Contains(strings.ToLower(title), strings.ToLower(query.Get("query")))
}

// within reports whether the folder with this uid is one that the query asks for.
func within(query url.Values, uid string) bool {
	wanted := slices.Concat(query["folderUIDs"], query["folderUids"])
	return len(wanted) == 0 || slices.Contains(wanted, uid) || uid == "" && slices.Contains(wanted, "general")
}

func folderHits(query url.Values, folders []folder) (hits []map[string]any) {
	for _, f := range folders {
		if len(query["tag"]) > 0 || len(query["dashboardUIDs"]) > 0 || !titled(query, f.Title) || !within(query, f.Parent) {
			continue
		}
		hits = append(hits, map[string]any{
			"id": f.ID, "uid": f.UID, "orgId": orgID, "title": f.Title, "uri": "db/" + slug(f.Title), "url": f.url(), "slug": "",
			"type": "dash-folder",
			"tags": []string{}, "isStarred": false, "sortMeta": 0,
		})
	}
	return hits
}

func dashboardHits(query url.Values, dashboards []dashboard, folders []folder) (hits []map[string]any) {
	for _, d := range dashboards {
		tags := d.tags()
		missing := func(tag string) bool { return !slices.Contains(tags, tag) }
		uids := query["dashboardUIDs"]
		if !titled(query, d.Title) || !within(query, d.Folder) || slices.ContainsFunc(query["tag"], missing) || len(uids) > 0 &&
			!slices.Contains(uids, d.UID) {
			continue
		}
		hit := map[string]any{
			"id": d.ID, "uid": d.UID, "orgId": orgID, "title": d.Title, "uri": "db/" + slug(d.Title), "url": d.url(), "slug": "", "type": "dash-db",
			"tags": tags, "isStarred": false, "sortMeta": 0,
		}
		if i := slices.IndexFunc(folders, func(f folder) bool { return f.UID == d.Folder }); i >= 0 {
			f := folders[i]
			hit["folderId"], hit["folderUid"], hit["folderTitle"], hit["folderUrl"] = f.ID, f.UID, f.Title, f.url()
		}
		hits = append(hits, hit)
	}
	return hits
}

func (d *dashboard) tags() []string {
	tags := []string{}
	list, _ := d.Model["tags"].([]any) // what is no list has none
	for _, t := range list {
		if s, ok := t.(string); ok {
			tags = append(tags, s)
		}
	}
	return tags
}
