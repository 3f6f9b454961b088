// Package site moves a site's own dashboards between a Grafana workspace and files: what
// people made is exported with placeholders for the data sources, and imported with those
// of the workspace that it is brought to. The dashboards that ship are left alone.
package site

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/parascope/parascope/internal/dashboard"
	"github.com/parascope/parascope/internal/grafana"
	"github.com/parascope/parascope/internal/hint"
)

const (
	shippedFolder  = "parascope"
	importedFolder = "site"
	maxFile        = 8 << 20
	maxFiles       = 500
)

// File is a dashboard and its file.
type File struct {
	UID   string `json:"uid"`
	Title string `json:"title"`
	File  string `json:"file"`
	URL   string `json:"url,omitempty"` // path of its page, once it is imported
}

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

// fileName is a title as a file's name; the uid tells those apart that are called alike.
func fileName(title, uid string) string {
	name := strings.Trim(notInNames.ReplaceAllString(strings.ToLower(title), "-"), "-")
	id := strings.Trim(notInNames.ReplaceAllString(strings.ToLower(uid), "-"), "-")
	return name[:min(len(name), 80)] + "." + id[:min(len(id), 40)] + ".json"
}

// Export writes the workspace's dashboards, but for those that ship, to files in dir. A
// file that is there is replaced.
func Export(ctx context.Context, client *grafana.Client, dir string) ([]File, error) {
	found, err := client.SearchDashboards(ctx)
	if err != nil {
		return nil, fmt.Errorf("could not list the dashboards: %w", err)
	}
	sources, err := sourcesOf(ctx, client)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, hint.New(hint.BadInput, fmt.Errorf("could not create the directory: %w", err), "choose a writable directory")
	}
	var files []File
	for _, f := range found {
		if f.FolderUID == shippedFolder {
			continue
		}
		d, there, err := client.Dashboard(ctx, f.UID)
		if err != nil {
			return files, fmt.Errorf("could not read dashboard %q: %w", f.Title, err)
		}
		if !there {
			continue // deleted meanwhile
		}
		content, err := portable(d.JSON, sources)
		if err != nil {
			return files, fmt.Errorf("could not read dashboard %q: %w", f.Title, err)
		}
		one := File{UID: f.UID, Title: f.Title, File: filepath.Join(dir, fileName(f.Title, f.UID))}
		if err := os.WriteFile(one.File, content, 0o644); err != nil {
			return files, hint.New(hint.BadInput, fmt.Errorf("could not write dashboard %q: %w", f.Title, err), "choose a writable directory")
		}
		files = append(files, one)
	}
	return files, nil
}

// Import saves the dashboards of files, and of a directory's files that end in .json, in the
// folder "site". One of the same uid is replaced.
func Import(ctx context.Context, client *grafana.Client, names []string) ([]File, error) {
	paths, err := expand(names)
	if err != nil {
		return nil, err
	}
	sources, err := sourcesOf(ctx, client)
	if err != nil {
		return nil, err
	}
	if err := client.EnsureFolder(ctx, importedFolder, importedFolder); err != nil {
		return nil, fmt.Errorf("could not create Grafana folder %q: %w", importedFolder, err)
	}
	var files []File
	for _, path := range paths {
		one, model, err := read(path, sources)
		if err != nil {
			return files, err
		}
		if one.URL, err = client.SaveDashboard(ctx, grafana.Dashboard{JSON: model, FolderUID: importedFolder},
			"imported by parascope"); err != nil {
			return files, fmt.Errorf("could not save the dashboard of %s: %w", path, err)
		}
		files = append(files, one)
	}
	return files, nil
}

// expand puts its files in a directory's place.
func expand(names []string) (paths []string, err error) {
	for _, name := range names {
		info, err := os.Stat(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, hint.New(hint.NotFound, fmt.Errorf("there is no file %s", name), "give a dashboard's JSON file, or a directory "+
				"with such files")
		case err != nil:
			return nil, err
		case !info.IsDir():
			paths = append(paths, name)
			continue
		}
		inside, err := filepath.Glob(filepath.Join(name, "*.json"))
		if err != nil {
			return nil, err
		}
		slices.Sort(inside)
		paths = append(paths, inside...)
	}
	if len(paths) == 0 || len(paths) > maxFiles {
		return nil, hint.New(hint.BadInput, fmt.Errorf("%d files are given; between 1 and %d can be imported", len(paths), maxFiles),
			"give the JSON files of dashboards, or a directory with such files")
	}
	return paths, nil
}

// read makes a model that can be saved of a file.
func read(path string, sources dashboard.Sources) (File, json.RawMessage, error) {
	info, err := os.Stat(path)
	if err == nil && info.Size() > maxFile {
		err = fmt.Errorf("the file has more than %d MB", maxFile>>20)
	}
	var content []byte
	if err == nil {
		content, err = os.ReadFile(path)
	}
	var model map[string]any
	if err == nil {
		err = json.Unmarshal(content, &model)
	}
	if inner, ok := model["dashboard"].(map[string]any); ok { // as Grafana's API has it
		model = inner
	}
	title, _ := model["title"].(string) // none: it is no dashboard
	uid, _ := model["uid"].(string)     // none: it gets one
	if err == nil && title == "" {
		err = errors.New("the file has no title, so it is not a dashboard")
	}
	if err == nil && strings.HasPrefix(uid, "parascope-") && !strings.HasPrefix(uid, "parascope-kept-") {
		err = fmt.Errorf("the uid %q belongs to a dashboard of parascope, which the setup function replaces", uid)
	}
	if err != nil {
		return File{}, nil, hint.New(hint.BadInput, fmt.Errorf("%s cannot be imported: %w", path, err),
			"export the dashboard from Grafana as JSON (Share, Export, Classic); give it a title and a uid of its own")
	}
	delete(model, "id")
	delete(model, "version")
	delete(model, "__inputs")
	delete(model, "__requires")
	filled, err := dashboard.Fill(model, sources)
	return File{UID: uid, Title: title, File: path}, filled, err
}

// sourcesOf are the workspace's data sources, as the setup function names them.
func sourcesOf(ctx context.Context, client *grafana.Client) (s dashboard.Sources, err error) {
	all, err := client.DataSources(ctx)
	if err != nil {
		return s, fmt.Errorf("could not list Grafana's data sources: %w", err)
	}
	for _, d := range all {
		switch {
		case d.IsDefault:
			s.Plugin, s.Prometheus = d.Type, d.UID
		case d.Type == "cloudwatch" && s.CloudWatch == "":
			s.CloudWatch = d.UID
		}
	}
	if s.Prometheus == "" {
		return s, hint.New(hint.NotFound, errors.New("no default data source in Grafana"), "run 'parascope connect' to add the data source")
	}
	return s, nil
}

// portable writes a model with placeholders for this workspace's data sources.
func portable(raw json.RawMessage, s dashboard.Sources) ([]byte, error) {
	var model map[string]any
	if err := json.Unmarshal(raw, &model); err != nil {
		return nil, err
	}
	delete(model, "id")
	delete(model, "version")
	places(model, s)
	content, err := json.MarshalIndent(model, "", "  ")
	return append(content, '\n'), err
}

func places(node any, s dashboard.Sources) {
	switch node := node.(type) {
	case map[string]any:
		if uid, ok := node["uid"].(string); ok && uid != "" && node["type"] != nil {
			switch uid {
			case s.Prometheus:
				node["type"], node["uid"] = "prometheus", dashboard.Placeholder
			case s.CloudWatch:
				node["uid"] = dashboard.CloudWatchPlaceholder
			}
		}
		for _, child := range node {
			places(child, s)
		}
	case []any:
		for _, child := range node {
			places(child, s)
		}
	}
}
