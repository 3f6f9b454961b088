package grafana

import (
	"fmt"
	"time"

	"github.com/parascope/parascope/localaws/grafana/accounts"
	"github.com/parascope/parascope/localaws/grafana/server"
	"github.com/parascope/parascope/localaws/principal"
	"github.com/parascope/parascope/localaws/state"
)

const (
	workspaces  = "grafana-workspaces" // bucket: workspace id → workspace
	serviceName = "grafana.amazonaws.com"
)

// States of a workspace, as AWS calls them.
const (
	creating        = "CREATING"
	active          = "ACTIVE"
	updating        = "UPDATING"
	versionUpdating = "VERSION_UPDATING"
	deleting        = "DELETING"
	degraded        = "DEGRADED"
)

// Fault is something that goes wrong with a workspace.
type Fault struct {
	// Status is what the workspace ends in instead of ACTIVE: CREATION_FAILED,
	// FAILED or DEGRADED. A DEGRADED workspace still answers.
	Status string
	Reason string // degradedWorkspaceReason
	// Refuse is the HTTP status, 503 or 403, that Grafana answers everything with
	// for the first RefuseFor after it became ACTIVE.
	Refuse    int
	RefuseFor time.Duration
}

// workspace is one as it is stored. Its state follows from the clock: nothing
// has to run for a workspace to become ACTIVE or to go away.
type workspace struct {
	ID, Region, Address            string // Address is host:port of its Grafana
	Settings                       settings
	AuthenticationProviders        []string
	SAML                           *samlConfiguration
	SSOClientID                    string
	Version, Configuration         string
	Tags                           map[string]string
	CreatedAt, ModifiedAt, ReadyAt time.Time
	Busy                           string // UPDATING or VERSION_UPDATING until BusyUntil
	BusyUntil                      time.Time
	GoneAt                         time.Time // zero unless it was deleted
	Fault                          Fault
}

// settings are those that CreateWorkspace and UpdateWorkspace have in common,
// named as DescribeWorkspace names them.
type settings struct {
	AccountAccessType        string          `json:"accountAccessType,omitempty"`
	DataSources              []string        `json:"dataSources"`
	Description              string          `json:"description,omitempty"`
	IPAddressType            string          `json:"ipAddressType,omitempty"`
	KmsKeyID                 string          `json:"kmsKeyId,omitempty"`
	Name                     string          `json:"name,omitempty"`
	NetworkAccessControl     *networkAccess  `json:"networkAccessControl,omitempty"`
	NotificationDestinations []string        `json:"notificationDestinations,omitempty"`
	OrganizationRoleName     string          `json:"organizationRoleName,omitempty"`
	OrganizationalUnits      []string        `json:"organizationalUnits,omitempty"`
	PermissionType           string          `json:"permissionType,omitempty"`
	StackSetName             string          `json:"stackSetName,omitempty"`
	VPCConfiguration         *vpcConnections `json:"vpcConfiguration,omitempty"`
	WorkspaceRoleARN         string          `json:"workspaceRoleArn,omitempty"`
}

type networkAccess struct {
	PrefixListIDs []string `json:"prefixListIds"`
	VpceIDs       []string `json:"vpceIds"`
}

type vpcConnections struct {
	SecurityGroupIDs []string `json:"securityGroupIds"`
	SubnetIDs        []string `json:"subnetIds"`
}

func (w *workspace) status(now time.Time) string {
	switch {
	case !w.GoneAt.IsZero():
		return deleting
	case now.Before(w.ReadyAt):
		return creating
	case w.Fault.Status != "":
		return w.Fault.Status
	case now.Before(w.BusyUntil):
		return w.Busy
	}
	return active
}

// answers reports whether the workspace's Grafana runs: an update does not stop it.
func (w *workspace) answers(now time.Time) bool {
	switch w.status(now) {
	case active, updating, degraded:
		return true
	}
	return false
}

func (w *workspace) gone(now time.Time) bool { return !w.GoneAt.IsZero() && !now.Before(w.GoneAt) }

func (w *workspace) arn() string { return arnOf(w.Region, w.ID) }

// arnOf is a workspace's ARN; the slash after the colon is AWS's.
func arnOf(region, id string) string {
	return "arn:aws:grafana:" + region + ":" + principal.Account + ":/workspaces/" + id
}

// load returns the workspace, nil when there is none.
func (g *Grafana) load(now time.Time, id string) (*workspace, error) {
	var w workspace
	found := false
	err := g.opts.State.View(func(tx *state.Tx) (err error) {
		found, err = tx.Get(workspaces, id, &w)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("could not load workspace %s: %w", id, err)
	}
	if !found || w.gone(now) {
		return nil, nil
	}
	return &w, nil
}

// running tells a workspace's Grafana what it is.
func (g *Grafana) running(id string) (server.Workspace, bool, error) {
	now := g.opts.Now()
	w, err := g.load(now, id)
	if err != nil || w == nil {
		return server.Workspace{}, false, err
	}
	out := server.Workspace{ID: w.ID, Region: w.Region, Version: w.Version, RoleARN: w.Settings.WorkspaceRoleARN, Status: w.status(now),
		Answers: w.answers(now)}
	if now.Before(w.ReadyAt.Add(w.Fault.RefuseFor)) {
		out.Refuse = w.Fault.Refuse
	}
	return out, true, nil
}

// Break makes the workspace one that f happens to, from now on; with no fault it
// is repaired. For tests of what depends on the workspace.
func (g *Grafana) Break(id string, f Fault) error {
	return g.opts.State.Update(func(tx *state.Tx) error {
		var w workspace
		if found, err := tx.Get(workspaces, id, &w); err != nil {
			return err
		} else if !found {
			return fmt.Errorf("could not inject the fault: workspace %s does not exist", id)
		}
		w.Fault = f
		return tx.Put(workspaces, id, w)
	})
}

// finishDeletions forgets the workspaces whose time has come, and all in them.
func (g *Grafana) finishDeletions(now time.Time) error {
	gone, err := g.selected(func(w *workspace) bool { return w.gone(now) })
	for _, w := range gone {
		if err == nil {
			err = g.listeners.stop(w.ID)
		}
		if err == nil {
			err = g.opts.State.Update(func(tx *state.Tx) error {
				if err := accounts.Forget(tx, w.ID); err != nil {
					return err
				}
				if err := accounts.Remove(tx, permissions, w.ID); err != nil {
					return err
				}
				return tx.Delete(workspaces, w.ID)
			})
		}
		if err == nil {
			err = g.server.Forget(w.ID)
		}
	}
	if err != nil {
		return fmt.Errorf("could not finish deleting workspaces: %w", err)
	}
	return nil
}

// selected are the workspaces that f accepts, in the order of their ids.
func (g *Grafana) selected(f func(*workspace) bool) ([]*workspace, error) {
	var found []*workspace
	err := g.opts.State.View(func(tx *state.Tx) error {
		return eachWorkspace(tx, func(w *workspace) {
			if f(w) {
				found = append(found, w)
			}
		})
	})
	return found, err
}

func eachWorkspace(tx *state.Tx, f func(*workspace)) error {
	return tx.ForEach(workspaces, func(_ string, decode func(any) error) error {
		var w workspace
		if err := decode(&w); err != nil {
			return err
		}
		f(&w)
		return nil
	})
}
