package amp

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/state"
)

// Further states, of rule groups namespaces and alert manager definitions.
const (
	updating       = "UPDATING"
	creationFailed = "CREATION_FAILED"
	updateFailed   = "UPDATE_FAILED"
)

const maxDocument = 1_000_000 // bytes of a rules file or a definition

// document is a file that a workspace has been given, and its result. Its state
// follows from the clock, as the workspace's does.
type document struct {
	Data       []byte // as it was given last
	Before     []byte // what was in force until then; nil: nothing
	Reason     string // why Data was refused; empty: it is good
	Updated    bool   // it was put in the place of another one
	CreatedAt  time.Time
	ModifiedAt time.Time
	SettledAt  time.Time // from then on it is in force, or has failed
	GoneAt     time.Time // zero unless it was deleted
}

// newDocument is one that was created at now.
func newDocument(now time.Time, delay time.Duration, data []byte, refused error) document {
	d := document{Data: data, CreatedAt: now, ModifiedAt: now, SettledAt: now.Add(delay)}
	if refused != nil {
		d.Reason = refused.Error()
	}
	return d
}

// replace puts data in its place.
func (d *document) replace(now time.Time, delay time.Duration, data []byte, refused error) {
	next := newDocument(now, delay, data, refused)
	next.Before, next.Updated, next.CreatedAt = d.inForce(now), true, d.CreatedAt
	*d = next
}

func (d *document) status(now time.Time) documentStatus {
	s := documentStatus{StatusCode: active}
	switch {
	case !d.GoneAt.IsZero():
		s.StatusCode = deleting
	case now.Before(d.SettledAt) && d.Updated:
		s.StatusCode = updating
	case now.Before(d.SettledAt):
		s.StatusCode = creating
	case d.Reason != "" && d.Updated:
		s = documentStatus{updateFailed, d.Reason}
	case d.Reason != "":
		s = documentStatus{creationFailed, d.Reason}
	}
	return s
}

func (d *document) gone(now time.Time) bool { return !d.GoneAt.IsZero() && !now.Before(d.GoneAt) }

// settled reports whether it can be changed.
func (d *document) settled(now time.Time) bool { return d.GoneAt.IsZero() && !now.Before(d.SettledAt) }

// inForce is the file that the workspace works by; nil is none.
func (d *document) inForce(now time.Time) []byte {
	switch {
	case !d.GoneAt.IsZero():
		return nil
	case now.Before(d.SettledAt), d.Reason != "":
		return d.Before
	}
	return d.Data
}

// shown is the file as it is described: what is in force, or else what was given.
func (d *document) shown(now time.Time) []byte {
	if data := d.inForce(now); data != nil {
		return data
	}
	return d.Data
}

// documentStatus is how far a document is.
type documentStatus struct {
	StatusCode   string `json:"statusCode"`
	StatusReason string `json:"statusReason,omitempty"`
}

// checkData holds a file's size against its limit.
func checkData(data []byte) error {
	switch {
	case len(data) == 0:
		return invalid("data", "must not be empty")
	case len(data) > maxDocument:
		return invalid("data", "must have at most %d bytes, has %d", maxDocument, len(data))
	}
	return nil
}

// malformed is the answer to a file that is not of its form.
func malformed(err error) error {
	return &gateway.Error{Status: http.StatusBadRequest, Code: "ValidationException", Message: err.Error(),
		Members: map[string]any{"reason": "FIELD_VALIDATION_FAILED", "fieldList": []field{{"data", err.Error()}}}}
}

// conflictOf is the refusal of a change to something that is in the middle of another one.
func conflictOf(kind, id string, s documentStatus) error {
	return &gateway.Error{Status: http.StatusConflict, Code: "ConflictException",
		Message: strings.ToUpper(kind[:1]) + kind[1:] + " cannot be changed: its status is " + s.StatusCode + ".",
		Members: map[string]any{"resourceId": id, "resourceType": kind}}
}

// forgetDocuments removes a workspace's files, which go with it.
func forgetDocuments(tx *state.Tx, workspaceID string) error {
	names, err := namespaceKeys(tx, workspaceID)
	for _, name := range names {
		if err == nil {
			err = tx.Delete(namespaces, name)
		}
	}
	if err == nil {
		err = errors.Join(tx.Delete(definitions, workspaceID), tx.Delete(silences, workspaceID))
	}
	return err
}
