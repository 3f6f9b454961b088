package server

import (
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/parascope/parascope/localaws/state"
)

// dataSource is one as it is stored; Secrets never leave the server.
type dataSource struct {
	dataSourceModel
	ID      int64
	Version int
	Secrets map[string]string
}

// dataSourceModel is what a client sends of a data source, and gets back.
type dataSourceModel struct {
	UID             string         `json:"uid"`
	Name            string         `json:"name"`
	Type            string         `json:"type"`
	Access          string         `json:"access"`
	URL             string         `json:"url"`
	User            string         `json:"user"`
	Database        string         `json:"database"`
	BasicAuth       bool           `json:"basicAuth"`
	BasicAuthUser   string         `json:"basicAuthUser"`
	WithCredentials bool           `json:"withCredentials"`
	IsDefault       bool           `json:"isDefault"`
	JSONData        map[string]any `json:"jsonData"`
}

// command is a request to add or change a data source. readOnly is not among its
// members: only what Grafana's operator provisions is read-only, and here nobody does.
type command struct {
	dataSourceModel
	SecureJSONData map[string]string `json:"secureJsonData"`
	Version        int               `json:"version"`
}

// view is a data source as Grafana prints it.
func (d *dataSource) view() map[string]any {
	fields := map[string]bool{}
	for name, value := range d.Secrets {
		if value != "" {
			fields[name] = true
		}
	}
	out := d.item()
	delete(out, "typeName")
	maps.Copy(out, map[string]any{
		"basicAuthUser": d.BasicAuthUser, "withCredentials": d.WithCredentials, "secureJsonFields": fields, "version": d.Version,
		"apiVersion": "",
	})
	return out
}

// item is a data source as the list has it.
func (d *dataSource) item() map[string]any {
	data := d.JSONData
	if data == nil {
		data = map[string]any{}
	}
	return map[string]any{
		"id": d.ID, "uid": d.UID, "orgId": orgID, "name": d.Name, "type": d.Type, "typeName": d.Type,
		"typeLogoUrl": "public/img/icn-datasource.svg",
		"access":      d.Access, "url": d.URL, "user": d.User, "database": d.Database, "basicAuth": d.BasicAuth, "isDefault": d.IsDefault,
		"jsonData": data, "readOnly": false,
	}
}

// dataSources are all of a workspace, sorted by name.
func (s *Server) dataSources(workspaceID string) ([]dataSource, error) {
	var found []dataSource
	err := s.opts.State.View(func(tx *state.Tx) (err error) {
		found, err = all[dataSource](tx, dataSourceBucket, workspaceID)
		return err
	})
	slices.SortFunc(found, func(a, b dataSource) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	return found, err
}

// named finds the data source that the request's path names by uid, name or id.
func (c *call) named(sources []dataSource) (*dataSource, error) {
	uid, name, id := c.PathValue("uid"), c.PathValue("name"), c.PathValue("id")
	if _, err := strconv.ParseInt(id, 10, 64); id != "" && err != nil {
		return nil, refuse(http.StatusBadRequest, "id is invalid")
	}
	i := slices.IndexFunc(sources, func(d dataSource) bool {
		return uid != "" && d.UID == uid || name != "" && d.Name == name || id != "" && strconv.FormatInt(d.ID, 10) == id
	})
	if i < 0 {
		return nil, refuse(http.StatusNotFound, "Data source not found")
	}
	return &sources[i], nil
}

func (s *Server) dataSource(c *call) (*dataSource, error) {
	sources, err := s.dataSources(c.ws.ID)
	if err != nil {
		return nil, err
	}
	return c.named(sources)
}

func (s *Server) listDataSources(c *call) error {
	sources, err := s.dataSources(c.ws.ID)
	if err != nil {
		return err
	}
	out := []map[string]any{}
	for _, d := range sources {
		out = append(out, d.item())
	}
	return c.write(http.StatusOK, out)
}

func (s *Server) getDataSource(c *call) error {
	d, err := s.dataSource(c)
	if err != nil {
		return err
	}
	return c.write(http.StatusOK, d.view())
}

func (s *Server) dataSourceID(c *call) error {
	d, err := s.dataSource(c)
	if err != nil {
		return err
	}
	return c.write(http.StatusOK, map[string]any{"id": d.ID})
}

// maxDataSources is Amazon Managed Grafana's quota.
const maxDataSources = 2000

var strictUID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,40}$`)

func (cmd *command) check(c *call) error {
	if cmd.Name == "" || cmd.Type == "" || cmd.Access == "" {
		return refuse(http.StatusBadRequest, "bad request data")
	}
	if cmd.URL != "" {
		if u, err := url.Parse(cmd.URL); err != nil || u.Scheme == "" || u.Host == "" {
			return refuse(http.StatusBadRequest, "Validation error, invalid URL")
		}
	}
	if cmd.UID != "" && c.atLeast("12") && !strictUID.MatchString(cmd.UID) {
		return refuse(http.StatusBadRequest, "Invalid datasource uid: only letters, digits, - and _ are allowed, up to 40 characters")
	}
	return nil
}

func (s *Server) addDataSource(c *call) error {
	var cmd command
	if err := c.read(&cmd); err != nil {
		return err
	}
	if err := cmd.check(c); err != nil {
		return err
	}
	made := dataSource{dataSourceModel: cmd.dataSourceModel, Version: 1, Secrets: cmd.SecureJSONData}
	err := s.opts.State.Update(func(tx *state.Tx) error {
		sources, err := all[dataSource](tx, dataSourceBucket, c.ws.ID)
		if err != nil {
			return err
		}
		for _, d := range sources {
			switch {
			case d.Name == made.Name:
				return refuse(http.StatusConflict, "data source with the same name already exists")
			case d.UID == made.UID:
				return refuse(http.StatusConflict, "data source with the same uid already exists")
			}
		}
		if len(sources) >= maxDataSources {
			return refuse(http.StatusForbidden, "Quota reached")
		}
		if made.UID == "" {
			made.UID = s.newUID()
		}
		if made.ID, err = nextNumber(tx, c.ws.ID); err != nil {
			return err
		}
		return putDataSource(tx, c.ws.ID, made, sources)
	})
	if err != nil {
		return err
	}
	return c.write(http.StatusOK, map[string]any{"message": "Datasource added", "id": made.ID, "name": made.Name, "datasource": made.view()})
}

// putDataSource stores d; when it is the default one, no other is any more.
func putDataSource(tx *state.Tx, workspaceID string, d dataSource, others []dataSource) error {
	for _, o := range others {
		if d.IsDefault && o.IsDefault && o.ID != d.ID {
			o.IsDefault = false
			if err := tx.Put(dataSourceBucket, workspaceID+"/"+o.UID, o); err != nil {
				return err
			}
		}
	}
	return tx.Put(dataSourceBucket, workspaceID+"/"+d.UID, d)
}

// updateDataSource replaces all but the secrets that the request does not name.
func (s *Server) updateDataSource(c *call) error {
	var cmd command
	if err := c.read(&cmd); err != nil {
		return err
	}
	if err := cmd.check(c); err != nil {
		return err
	}
	var d dataSource
	err := s.opts.State.Update(func(tx *state.Tx) error {
		sources, err := all[dataSource](tx, dataSourceBucket, c.ws.ID)
		if err != nil {
			return err
		}
		before, err := c.named(sources)
		if err != nil {
			return err
		}
		d = *before
		for _, o := range sources {
			if o.ID != d.ID && o.Name == cmd.Name {
				return refuse(http.StatusConflict, "Failed to update datasource: data source with the same name already exists")
			}
			if o.ID != d.ID && cmd.UID != "" && o.UID == cmd.UID {
				return refuse(http.StatusConflict, "data source with the same uid already exists")
			}
		}
		if cmd.Version != 0 && cmd.Version < d.Version {
			return refuse(http.StatusConflict, "Datasource has already been updated by someone else. Please reload and try again")
		}
		uid := d.UID
		d.dataSourceModel, d.Version = cmd.dataSourceModel, d.Version+1
		if d.UID == "" {
			d.UID = uid
		}
		d.Secrets = maps.Clone(d.Secrets)
		if d.Secrets == nil {
			d.Secrets = map[string]string{}
		}
		maps.Copy(d.Secrets, cmd.SecureJSONData)
		if d.UID != uid {
			if err := tx.Delete(dataSourceBucket, c.ws.ID+"/"+uid); err != nil {
				return err
			}
		}
		return putDataSource(tx, c.ws.ID, d, sources)
	})
	if err != nil {
		return err
	}
	return c.write(http.StatusOK, map[string]any{"message": "Datasource updated", "id": d.ID, "name": d.Name, "datasource": d.view()})
}

func (s *Server) deleteDataSource(c *call) error {
	d, err := s.dataSource(c)
	if err != nil {
		return err
	}
	if err := s.opts.State.Update(func(tx *state.Tx) error { return tx.Delete(dataSourceBucket, c.ws.ID+"/"+d.UID) }); err != nil {
		return err
	}
	return c.write(http.StatusOK, map[string]any{"message": "Data source deleted", "id": d.ID})
}
