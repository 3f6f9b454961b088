package viewer

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
)

// files are the pages that the server writes, and in dist the program, where it
// was built: without npm the rest is there all the same.
//
//go:embed pages
var files embed.FS

// program is the file that tells whether there is a program.
const program = "dist/app.js"

// pages are the embedded files, ready to be served.
type pages struct {
	files     fs.FS
	templates *template.Template
	version   string // changes with any file: browsers keep what has it
	built     bool
}

func readPages() (pages, error) {
	dir, err := fs.Sub(files, "pages")
	if err != nil {
		return pages{}, fmt.Errorf("could not read the viewer's pages: %w", err)
	}
	sum := sha256.New()
	err = fs.WalkDir(dir, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(dir, name)
		sum.Write(content)
		return err
	})
	if err != nil {
		return pages{}, fmt.Errorf("could not read the viewer's pages: %w", err)
	}
	p := pages{files: dir, version: hex.EncodeToString(sum.Sum(nil))[:12]}
	p.templates, err = template.New("").Funcs(template.FuncMap{
		"asset": func(name string) string { return "/public/" + name + "?v=" + p.version },
	}).ParseFS(dir, "*.html")
	if err != nil {
		return pages{}, fmt.Errorf("could not read the viewer's pages: %w", err)
	}
	p.built = Built()
	return p, nil
}

// Built reports whether the program for the browser was built, with npm.
func Built() bool {
	_, err := fs.Stat(files, path.Join("pages", program))
	return err == nil
}

// show writes a page.
func (p *pages) show(w http.ResponseWriter, status int, name string, data any) error {
	var page bytes.Buffer
	if err := p.templates.ExecuteTemplate(&page, name, data); err != nil {
		return fmt.Errorf("could not write the page %s: %w", name, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write(page.Bytes()) // an error means that the browser is gone
	return nil
}

// app writes the page that the program runs in, with a hint for it, or what is
// missing for it. The program itself says so where there is no page.
func (p *pages) app(w http.ResponseWriter, there bool, addSource string) error {
	if !p.built {
		return p.show(w, http.StatusNotImplemented, "missing.html", nil)
	}
	status := http.StatusOK
	if !there {
		status = http.StatusNotFound
	}
	return p.show(w, status, "app.html", addSource)
}

// asset serves a file that a page refers to; under its version it never changes.
func (v *Viewer) asset(w http.ResponseWriter, r *http.Request, _ string) error {
	name := path.Clean(r.PathValue("path"))
	content, err := fs.ReadFile(v.pages.files, name)
	kind := mime.TypeByExtension(path.Ext(name))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid) || strings.HasSuffix(name, ".html") || kind == "" {
		http.NotFound(w, r)
		return nil
	}
	if err != nil {
		return fmt.Errorf("could not read %s: %w", name, err)
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-cache")
	if r.FormValue("v") == v.pages.version {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	w.Write(content) // an error means that the browser is gone
	return nil
}
