package server

import (
	"cmp"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/parascope/parascope/localaws/state"
)

// folder holds dashboards.
type folder struct {
	ID                   int64
	UID, Title, Parent   string
	Version              int
	Created, Updated     time.Time
	CreatedBy, UpdatedBy string
}

var (
	uidPattern  = regexp.MustCompile(`^[a-zA-Z0-9_-]*$`)
	slugPattern = regexp.MustCompile(`[^a-z0-9]+`)
)

const maxUID = 40

func checkUID(uid string) error {
	if !uidPattern.MatchString(uid) {
		return refuse(http.StatusBadRequest, "uid contains illegal characters")
	}
	if len(uid) > maxUID {
		return refuse(http.StatusBadRequest, "uid too long, max 40 characters")
	}
	return nil
}

func slug(title string) string {
	return strings.Trim(slugPattern.ReplaceAllString(strings.ToLower(title), "-"), "-")
}

func (f *folder) url() string { return "/dashboards/f/" + f.UID + "/" + slug(f.Title) }

func (f *folder) view(c *call) map[string]any {
	edit := c.who.Role != "VIEWER"
	out := map[string]any{
		"id": f.ID, "uid": f.UID, "orgId": orgID, "title": f.Title, "url": f.url(), "hasAcl": false, "canSave": edit, "canEdit": edit,
		"canDelete": edit,
		"canAdmin":  c.who.Role == "ADMIN", "createdBy": f.CreatedBy, "created": f.Created, "updatedBy": f.UpdatedBy, "updated": f.Updated,
		"version": f.Version,
	}
	if f.Parent != "" {
		out["parentUid"] = f.Parent
	}
	return out
}

func (s *Server) folders(workspaceID string) ([]folder, error) {
	var found []folder
	err := s.opts.State.View(func(tx *state.Tx) (err error) {
		found, err = all[folder](tx, folderBucket, workspaceID)
		return err
	})
	slices.SortFunc(found, func(a, b folder) int { return strings.Compare(strings.ToLower(a.Title), strings.ToLower(b.Title)) })
	return found, err
}

func (s *Server) listFolders(c *call) error {
	found, err := s.folders(c.ws.ID)
	if err != nil {
		return err
	}
	out := []map[string]any{}
	for _, f := range found {
		if f.Parent == c.URL.Query().Get("parentUid") {
			out = append(out, map[string]any{"id": f.ID, "uid": f.UID, "title": f.Title})
		}
	}
	return c.write(http.StatusOK, out)
}

// theFolder is the one that the request's path names.
func theFolder(tx *state.Tx, c *call) (folder, error) {
	var f folder
	found, err := tx.Get(folderBucket, c.ws.ID+"/"+c.PathValue("uid"), &f)
	if err == nil && !found {
		err = conditional(http.StatusNotFound, "folder not found", "not-found")
	}
	return f, err
}

func (s *Server) getFolder(c *call) error {
	var f folder
	err := s.opts.State.View(func(tx *state.Tx) (err error) {
		f, err = theFolder(tx, c)
		return err
	})
	if err != nil {
		return err
	}
	return c.write(http.StatusOK, f.view(c))
}

func (s *Server) createFolder(c *call) error {
	var in struct{ UID, Title, ParentUID string }
	if err := c.read(&in); err != nil {
		return err
	}
	if err := cmp.Or(checkUID(in.UID), checkFolderTitle(in.Title)); err != nil {
		return err
	}
	now := s.opts.Now().UTC()
	f := folder{UID: cmp.Or(in.UID, s.newUID()), Title: in.Title, Parent: in.ParentUID, Version: 1, Created: now, Updated: now,
		CreatedBy: c.who.Login, UpdatedBy: c.who.Login}
	err := s.opts.State.Update(func(tx *state.Tx) error {
		others, err := all[folder](tx, folderBucket, c.ws.ID)
		if err != nil {
			return err
		}
		for _, o := range others {
			if o.UID == f.UID {
				return conditional(http.StatusPreconditionFailed, "the folder has been changed by someone else", "version-mismatch")
			}
			if o.Title == f.Title && o.Parent == f.Parent && !c.atLeast("12") {
				return refuse(http.StatusConflict, "a folder with the same name already exists in the current location")
			}
		}
		if f.Parent != "" && !slices.ContainsFunc(others, func(o folder) bool { return o.UID == f.Parent }) {
			return refuse(http.StatusBadRequest, "parent folder not found")
		}
		if f.ID, err = nextNumber(tx, c.ws.ID); err != nil {
			return err
		}
		return tx.Put(folderBucket, c.ws.ID+"/"+f.UID, f)
	})
	if err != nil {
		return err
	}
	return c.write(http.StatusOK, f.view(c))
}

func (s *Server) updateFolder(c *call) error {
	var in struct {
		Title     string
		Version   int
		Overwrite bool
	}
	if err := c.read(&in); err != nil {
		return err
	}
	if err := checkFolderTitle(in.Title); err != nil {
		return err
	}
	var f folder
	err := s.opts.State.Update(func(tx *state.Tx) (err error) {
		if f, err = theFolder(tx, c); err != nil {
			return err
		}
		if !in.Overwrite && in.Version != f.Version {
			return conditional(http.StatusPreconditionFailed, "the folder has been changed by someone else", "version-mismatch")
		}
		f.Title, f.Version, f.Updated, f.UpdatedBy = in.Title, f.Version+1, s.opts.Now().UTC(), c.who.Login
		return tx.Put(folderBucket, c.ws.ID+"/"+f.UID, f)
	})
	if err != nil {
		return err
	}
	return c.write(http.StatusOK, f.view(c))
}

// deleteFolder deletes the folder and the dashboards in it.
func (s *Server) deleteFolder(c *call) error {
	var f folder
	err := s.opts.State.Update(func(tx *state.Tx) (err error) {
		if f, err = theFolder(tx, c); err != nil {
			return err
		}
		dashboards, err := all[dashboard](tx, dashboardBucket, c.ws.ID)
		if err != nil {
			return err
		}
		for _, d := range dashboards {
			if d.Folder == f.UID {
				if err := tx.Delete(dashboardBucket, c.ws.ID+"/"+d.UID); err != nil {
					return err
				}
			}
		}
		return tx.Delete(folderBucket, c.ws.ID+"/"+f.UID)
	})
	if err != nil {
		return err
	}
	return c.write(http.StatusOK, map[string]any{"id": f.ID, "title": f.Title, "message": "Folder " + f.Title + " deleted"})
}

func checkFolderTitle(title string) error {
	if strings.TrimSpace(title) == "" {
		return refuse(http.StatusBadRequest, "folder title cannot be empty")
	}
	return nil
}
