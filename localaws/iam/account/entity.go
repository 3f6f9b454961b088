package account

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/principal"
	"github.com/parascope/parascope/localaws/state"
)

// Entity is a user or a role: what policies stand at.
type Entity struct {
	Name, Path, ID string
	Created        time.Time
	Tags           map[string]string `json:",omitempty"`
	Inline         map[string]string `json:",omitempty"` // policies by their name
	Attached       []string          `json:",omitempty"` // ARNs of managed policies
	Boundary       string            `json:",omitempty"` // ARN of the managed policy that is the permissions boundary

	Keys []string `json:",omitempty"` // users: ids of access keys

	Trust       string `json:",omitempty"` // roles: the policy that says who may assume it
	Description string `json:",omitempty"`
	MaxSession  int    `json:",omitempty"` // seconds
}

// Kind is users or roles; their operations are the same but for the names.
type Kind struct {
	bucket     string
	Word       string // in ARNs and messages: "role"
	Title      string // in names of fields and operations: "RoleName"
	idPrefix   string
	InlineSize int    // characters of all inline policies, without white space
	Quota      string // how IAM calls the bound on attached policies
}

// Users and Roles are the two kinds.
var (
	Users = Kind{"iam-users", "user", "User", "AIDA", 2048, "AttachedPoliciesPerUser"}
	Roles = Kind{"iam-roles", "role", "Role", "AROA", 10240, "PoliciesPerRole"}
)

// ARN is that of one with this path and name.
func (k Kind) ARN(path, name string) string {
	return "arn:aws:iam::" + principal.Account + ":" + k.Word + path + name
}

// Get finds one by name.
func (k Kind) Get(tx *state.Tx, name string) (e Entity, found bool, err error) {
	found, err = tx.Get(k.bucket, name, &e)
	return e, found, err
}

// Must finds one by name; that there is none is IAM's error.
func (k Kind) Must(tx *state.Tx, name string) (Entity, error) {
	e, found, err := k.Get(tx, name)
	if err == nil && !found {
		err = NoSuchEntity("The %s with name %s cannot be found.", k.Word, name)
	}
	return e, err
}

// Put keeps one.
func (k Kind) Put(tx *state.Tx, e Entity) error { return tx.Put(k.bucket, e.Name, e) }

// All lists the kind in the order of the names.
func (k Kind) All(tx *state.Tx) ([]Entity, error) {
	var all []Entity
	err := tx.ForEach(k.bucket, func(_ string, decode func(any) error) error {
		var e Entity
		if err := decode(&e); err != nil {
			return err
		}
		all = append(all, e)
		return nil
	})
	return all, err
}

// NewEntity is one that was made now, which nobody has kept yet.
func NewEntity(k Kind, name, path string, now time.Time) Entity {
	return Entity{Name: name, Path: path, ID: principal.NewID(k.idPrefix), Created: now.UTC().Truncate(time.Second)}
}

// Principal is who a user's key signs for.
func (e *Entity) Principal() principal.Principal {
	return principal.Principal{Account: principal.Account, ARN: Users.ARN(e.Path, e.Name), UserID: e.ID}
}

// Attach notes a managed policy; that it is there already is no error, on AWS neither.
func (e *Entity) Attach(arn string) {
	if !slices.Contains(e.Attached, arn) {
		e.Attached = append(e.Attached, arn)
	}
}

// ByARN finds the user or role that an ARN of this account names.
func ByARN(tx *state.Tx, arn string) (e Entity, k Kind, found bool, err error) {
	for _, k := range []Kind{Users, Roles} {
		rest, ok := strings.CutPrefix(arn, k.ARN("/", ""))
		if !ok {
			continue
		}
		e, found, err := k.Get(tx, rest[strings.LastIndex(rest, "/")+1:])
		return e, k, found && k.ARN(e.Path, e.Name) == arn, err
	}
	return Entity{}, Kind{}, false, nil
}

// Delete forgets one, whatever stands at it.
func (k Kind) Delete(tx *state.Tx, name string) error { return tx.Delete(k.bucket, name) }

// NoSuchEntity is IAM's error for what is not there.
func NoSuchEntity(format string, args ...any) error {
	return &gateway.Error{Status: http.StatusNotFound, Code: "NoSuchEntity", Message: fmt.Sprintf(format, args...)}
}
