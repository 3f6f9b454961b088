package head

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery/file"

	"github.com/parascope/parascope/internal/hint"
)

// Bounds of the files that a configuration names, in bytes.
const (
	maxSecretFile = 1 << 20 // with a password, a key or certificates
	maxScrapeFile = 16 << 20
)

// notWhole says why a file is not to be read to its end: that may never come, or be far. It
// is empty for what is, or is not there, or cannot be read anyhow.
func notWhole(name string, most int64) string {
	has, err := os.Stat(name)
	switch {
	case err != nil || has.IsDir():
		return "" // who reads it says so
	case !has.Mode().IsRegular():
		if null, err := os.Stat(os.DevNull); err == nil && os.SameFile(null, has) {
			return "" // it is empty
		}
		return "is a pipe or a device, not a regular file"
	case has.Size() > most:
		return fmt.Sprintf("has %d bytes, more than %d", has.Size(), most)
	}
	return ""
}

// readable refuses a file that a key of the configuration names and that cannot be read whole.
func readable(configuration, key, name string, most int64) error {
	why := notWhole(name, most)
	if why == "" {
		return nil
	}
	return hint.New(hint.BadInput, fmt.Errorf("configuration %s: %s %s %s", configuration, key, name, why),
		"write the content to a regular file, and give that one")
}

// scrapeFilesReadable looks at scrape_config_files before they are read.
func scrapeFilesReadable(configuration string, patterns []string) error {
	for _, pattern := range patterns {
		names, err := filepath.Glob(pattern)
		if err != nil {
			return nil // who reads them says so
		}
		for _, name := range names {
			if err := readable(configuration, "scrape_config_files", name, maxScrapeFile); err != nil {
				return err
			}
		}
	}
	return nil
}

// filesReadable looks at what a configuration names of files with secrets and certificates,
// and at AWS' own where it needs them: who waits for one of them cannot be stopped.
func filesReadable(configuration string, c *config.Config, scrapes []*config.ScrapeConfig) error {
	w := walk{configuration: configuration, seen: map[uintptr]bool{}}
	for _, part := range []any{scrapes, c.RemoteWriteConfigs, c.GlobalConfig} {
		if err := w.value(reflect.ValueOf(part)); err != nil {
			return err
		}
	}
	aws := slices.ContainsFunc(c.RemoteWriteConfigs, func(rw *config.RemoteWriteConfig) bool { return rw.SigV4Config != nil })
	for _, s := range scrapes {
		for _, sd := range s.ServiceDiscoveryConfigs {
			aws = aws || slices.Contains(asksAWS, sd.Name())
		}
	}
	if !aws {
		return nil
	}
	for _, f := range []struct{ variable, usual string }{
		{"AWS_SHARED_CREDENTIALS_FILE", awsconfig.DefaultSharedCredentialsFilename()},
		{"AWS_CONFIG_FILE", awsconfig.DefaultSharedConfigFilename()},
		{"AWS_WEB_IDENTITY_TOKEN_FILE", ""}, {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", ""}, {"AWS_CA_BUNDLE", ""},
	} {
		if err := readable(configuration, f.variable, cmp.Or(os.Getenv(f.variable), f.usual), maxSecretFile); err != nil {
			return err
		}
	}
	return nil
}

// walk looks for fields that name files.
type walk struct {
	configuration string
	seen          map[uintptr]bool
}

func (w walk) value(v reflect.Value) error {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() || w.seen[v.Pointer()] {
			return nil
		}
		w.seen[v.Pointer()] = true
		return w.value(v.Elem())
	case reflect.Interface:
		return w.value(v.Elem())
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if err := w.value(v.Index(i)); err != nil {
				return err
			}
		}
	case reflect.Map:
		for each := v.MapRange(); each.Next(); {
			if err := w.value(each.Value()); err != nil {
				return err
			}
		}
	case reflect.Struct:
		return w.fields(v)
	}
	return nil
}

// notRead are keys of files that are written, or not used.
var notRead = []string{"scrape_failure_log_file", "query_log_file"}

func (w walk) fields(v reflect.Value) error {
	if v.Type() == reflect.TypeFor[file.SDConfig]() {
		return nil // its files come and go: see watched
	}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if !f.IsExported() {
			continue
		}
		key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		names := []string{}
		switch {
		case slices.Contains(notRead, key):
			continue
		case strings.HasSuffix(f.Name, "File") && f.Type.Kind() == reflect.String:
			names = append(names, v.Field(i).String())
		case strings.HasSuffix(f.Name, "Files") && f.Type == reflect.TypeFor[[]string]():
			names = append(names, v.Field(i).Interface().([]string)...)
		}
		if key == "credentials_file" {
			key += " or bearer_token_file" // which is taken for it
		}
		for _, name := range names {
			if err := readable(w.configuration, key, name, maxSecretFile); err != nil {
				return err
			}
		}
		if err := w.value(v.Field(i)); err != nil {
			return err
		}
	}
	return nil
}
