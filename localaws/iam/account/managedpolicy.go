package account

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parascope/parascope/localaws/principal"
	"github.com/parascope/parascope/localaws/state"
)

const policyBucket = "iam-policies" // by ARN

// Policy is a policy that has an ARN and versions.
type Policy struct {
	ARN, Name, Path, ID string
	Description         string `json:",omitempty"`
	Created, Updated    time.Time
	Default             string // "v1"
	Versions            []Version
	Made                int               // versions so far, deleted ones included
	Tags                map[string]string `json:",omitempty"`
}

// Version is one of a policy's documents.
type Version struct {
	ID, Document string
	Created      time.Time
}

// PolicyARN is that of a policy of the account.
func PolicyARN(path, name string) string {
	return "arn:aws:iam::" + principal.Account + ":policy" + path + name
}

// FindPolicy finds a policy of the account or of AWS.
func FindPolicy(tx *state.Tx, arn string) (p Policy, err error) {
	if p, found := awsManaged(arn); found {
		return p, nil
	}
	found, err := tx.Get(policyBucket, arn, &p)
	if err == nil && !found {
		err = NoSuchEntity("Policy %s does not exist or is not attachable.", arn)
	}
	return p, err
}

// Put keeps the policy.
func (p Policy) Put(tx *state.Tx) error { return tx.Put(policyBucket, p.ARN, p) }

// Document is that of the default version.
func (p Policy) Document() string {
	v, _ := p.Version(p.Default)
	return v.Document
}

// Version finds a version by its id.
func (p Policy) Version(id string) (Version, bool) {
	i := slices.IndexFunc(p.Versions, func(v Version) bool { return v.ID == id })
	if i < 0 {
		return Version{}, false
	}
	return p.Versions[i], true
}

// AddVersion adds the newest version, first as IAM lists them.
func (p *Policy) AddVersion(document string, now time.Time, makeDefault bool) Version {
	p.Made++
	v := Version{"v" + strconv.Itoa(p.Made), document, now.UTC().Truncate(time.Second)}
	p.Versions = append([]Version{v}, p.Versions...)
	if makeDefault {
		p.Default = v.ID
	}
	p.Updated = v.Created
	return v
}

// Delete forgets the policy, whoever has it.
func (p Policy) Delete(tx *state.Tx) error { return tx.Delete(policyBucket, p.ARN) }

// IsAWS reports whether a policy is one of AWS's, which nobody can change.
func IsAWS(arn string) bool { return strings.HasPrefix(arn, "arn:aws:iam::aws:") }

// AllPolicies are the account's and AWS's.
func AllPolicies(tx *state.Tx) ([]Policy, error) {
	all := awsPolicies()
	err := tx.ForEach(policyBucket, func(_ string, decode func(any) error) error {
		var p Policy
		if err := decode(&p); err != nil {
			return err
		}
		all = append(all, p)
		return nil
	})
	return all, err
}

// Bounding lists the users or roles whose permissions boundary the policy is.
func Bounding(tx *state.Tx, k Kind, arn string) ([]Entity, error) {
	all, err := k.All(tx)
	return slices.DeleteFunc(all, func(e Entity) bool { return e.Boundary != arn }), err
}

// AttachedTo lists the users or roles that have the policy.
func AttachedTo(tx *state.Tx, k Kind, arn string) ([]Entity, error) {
	all, err := k.All(tx)
	return slices.DeleteFunc(all, func(e Entity) bool { return !slices.Contains(e.Attached, arn) }), err
}
