package server

import (
	"cmp"
	"maps"
	"net/http"
	"time"

	"github.com/parascope/parascope/localaws/state"
)

// dashboard is one as it is stored; Model is what its author wrote.
type dashboard struct {
	ID                   int64
	UID, Title, Folder   string // Folder is a uid; "": the General folder
	Version              int
	Created, Updated     time.Time
	CreatedBy, UpdatedBy string
	Model                map[string]any
}

// maxDashboards is Amazon Managed Grafana's quota.
const maxDashboards = 2000

func (d *dashboard) url() string { return "/d/" + d.UID + "/" + slug(d.Title) }

func text(model map[string]any, name string) string {
	s, _ := model[name].(string) // what is no text counts as none
	return s
}

func number(model map[string]any, name string) int64 {
	n, _ := model[name].(float64) // JSON's null is 0
	return int64(n)
}

type saveCommand struct {
	Dashboard map[string]any `json:"dashboard"`
	FolderUID string         `json:"folderUid"`
	FolderID  int64          `json:"folderId"`
	Overwrite bool           `json:"overwrite"`
	Message   string         `json:"message"`
}

const maxMessage = 500

func (in *saveCommand) check() error {
	switch {
	case in.Dashboard == nil:
		return refuse(http.StatusBadRequest, "bad request data")
	case text(in.Dashboard, "title") == "":
		return conditional(http.StatusBadRequest, "Dashboard title cannot be empty", "empty-name")
	case len(in.Message) > maxMessage:
		return refuse(http.StatusBadRequest, "message too long, max 500 characters")
	}
	return checkUID(text(in.Dashboard, "uid"))
}

// saveDashboard makes a dashboard, or a new version of the one with its uid.
func (s *Server) saveDashboard(c *call) error {
	var in saveCommand
	if err := c.read(&in); err != nil {
		return err
	}
	d, err := s.store(c, in)
	if err != nil {
		return err
	}
	return c.write(http.StatusOK, map[string]any{
		"id": d.ID, "uid": d.UID, "url": d.url(), "status": "success", "version": d.Version, "slug": slug(d.Title), "folderUid": d.Folder,
	})
}

// store makes what a checked command says.
func (s *Server) store(c *call, in saveCommand) (d dashboard, err error) {
	if err := in.check(); err != nil {
		return d, err
	}
	err = s.opts.State.Update(func(tx *state.Tx) (err error) {
		others, err := all[dashboard](tx, dashboardBucket, c.ws.ID)
		if err != nil {
			return err
		}
		if in.FolderUID, err = in.folder(tx, c.ws.ID); err != nil {
			return err
		}
		if d, err = in.settle(c, others); err != nil {
			return err
		}
		now := s.opts.Now().UTC()
		if d.ID == 0 {
			if len(others) >= maxDashboards {
				return refuse(http.StatusForbidden, "Quota reached")
			}
			d.UID, d.Created, d.CreatedBy = cmp.Or(text(in.Dashboard, "uid"), s.newUID()), now, c.who.Login
			if d.ID, err = nextNumber(tx, c.ws.ID); err != nil {
				return err
			}
		}
		d.Title, d.Folder, d.Version, d.Updated, d.UpdatedBy = text(in.Dashboard, "title"), in.FolderUID, d.Version+1, now, c.who.Login
		d.Model = maps.Clone(in.Dashboard)
		maps.Copy(d.Model, map[string]any{"id": d.ID, "uid": d.UID, "version": d.Version})
		return tx.Put(dashboardBucket, c.ws.ID+"/"+d.UID, d)
	})
	return d, err
}

// folder is the uid of the folder that the command names by uid or, as older
// clients do, by id.
func (in *saveCommand) folder(tx *state.Tx, workspaceID string) (string, error) {
	if in.FolderUID == "" && in.FolderID == 0 {
		return "", nil
	}
	folders, err := all[folder](tx, folderBucket, workspaceID)
	if err != nil {
		return "", err
	}
	for _, f := range folders {
		if f.UID == in.FolderUID || in.FolderUID == "" && f.ID == in.FolderID {
			return f.UID, nil
		}
	}
	return "", refuse(http.StatusBadRequest, "folder not found")
}

// settle finds the dashboard that the command is about; one without an id is new.
// It refuses what would overwrite somebody's work.
func (in *saveCommand) settle(c *call, others []dashboard) (dashboard, error) {
	uid, id, title := text(in.Dashboard, "uid"), number(in.Dashboard, "id"), text(in.Dashboard, "title")
	var same *dashboard
	for i, o := range others {
		if uid != "" && o.UID == uid || uid == "" && id != 0 && o.ID == id {
			same = &others[i]
		}
	}
	if same == nil && id != 0 {
		return dashboard{}, conditional(http.StatusNotFound, "Dashboard not found", "not-found")
	}
	if same != nil && !in.Overwrite && number(in.Dashboard, "version") != int64(same.Version) {
		return dashboard{}, conditional(http.StatusPreconditionFailed, "The dashboard has been changed by someone else", "version-mismatch")
	}
	for _, o := range others {
		if c.atLeast("12") || o.Title != title || o.Folder != in.FolderUID || same != nil && same.ID == o.ID {
			continue
		}
		if !in.Overwrite {
			return dashboard{}, conditional(http.StatusPreconditionFailed, "A dashboard with the same name in the folder already exists",
				"name-exists")
		}
		if same == nil && uid == "" {
			return o, nil
		}
	}
	if same == nil {
		return dashboard{}, nil
	}
	return *same, nil
}

// theDashboard is the one that the request's path names.
func (s *Server) theDashboard(c *call) (d dashboard, in folder, err error) {
	err = s.opts.State.View(func(tx *state.Tx) error {
		found, err := tx.Get(dashboardBucket, c.ws.ID+"/"+c.PathValue("uid"), &d)
		if err == nil && !found {
			err = refuse(http.StatusNotFound, "Dashboard not found")
		}
		if err == nil && d.Folder != "" {
			_, err = tx.Get(folderBucket, c.ws.ID+"/"+d.Folder, &in)
		}
		return err
	})
	return d, in, err
}

// HasDashboard reports whether a workspace has a dashboard of this uid.
func (s *Server) HasDashboard(workspaceID, uid string) (found bool, err error) {
	err = s.opts.State.View(func(tx *state.Tx) (err error) {
		var d dashboard
		found, err = tx.Get(dashboardBucket, workspaceID+"/"+uid, &d)
		return err
	})
	return found, err
}

func (s *Server) getDashboard(c *call) error {
	d, in, err := s.theDashboard(c)
	if err != nil {
		return err
	}
	edit := c.who.Role != "VIEWER"
	meta := map[string]any{
		"type": "db", "canSave": edit, "canEdit": edit, "canAdmin": c.who.Role == "ADMIN", "canStar": false, "canDelete": edit,
		"slug": slug(d.Title), "url": d.url(),
		"expires": "0001-01-01T00:00:00Z", "created": d.Created, "createdBy": d.CreatedBy, "updated": d.Updated, "updatedBy": d.UpdatedBy,
		"version": d.Version,
		"hasAcl":  false, "isFolder": false, "folderId": in.ID, "folderUid": in.UID, "folderTitle": cmp.Or(in.Title, "General"), "folderUrl": "",
		"provisioned": false, "provisionedExternalId": "",
	}
	if in.UID != "" {
		meta["folderUrl"] = in.url()
	}
	return c.write(http.StatusOK, map[string]any{"meta": meta, "dashboard": d.Model})
}

func (s *Server) deleteDashboard(c *call) error {
	d, _, err := s.theDashboard(c)
	if err != nil {
		return err
	}
	if err := s.opts.State.Update(func(tx *state.Tx) error { return tx.Delete(dashboardBucket, c.ws.ID+"/"+d.UID) }); err != nil {
		return err
	}
	return c.write(http.StatusOK, map[string]any{"title": d.Title, "message": "Dashboard " + d.Title + " deleted", "id": d.ID, "uid": d.UID})
}
