package account

import (
	"slices"
	"time"

	"github.com/parascope/parascope/localaws/principal"
	"github.com/parascope/parascope/localaws/state"
)

const profileBucket = "iam-instance-profiles"

// Profile is an instance profile: what puts a role on a machine.
type Profile struct {
	Name, Path, ID string
	Created        time.Time
	Role           string `json:",omitempty"` // name; there is room for one
}

// ProfileARN is that of an instance profile with this path and name.
func ProfileARN(path, name string) string {
	return "arn:aws:iam::" + principal.Account + ":instance-profile" + path + name
}

// FindProfile finds an instance profile by name.
func FindProfile(tx *state.Tx, name string) (p Profile, found bool, err error) {
	found, err = tx.Get(profileBucket, name, &p)
	return p, found, err
}

// Put keeps the profile.
func (p Profile) Put(tx *state.Tx) error { return tx.Put(profileBucket, p.Name, p) }

// Delete forgets the profile.
func (p Profile) Delete(tx *state.Tx) error { return tx.Delete(profileBucket, p.Name) }

// AllProfiles lists the instance profiles in the order of their names.
func AllProfiles(tx *state.Tx) ([]Profile, error) {
	var all []Profile
	err := tx.ForEach(profileBucket, func(_ string, decode func(any) error) error {
		var p Profile
		if err := decode(&p); err != nil {
			return err
		}
		all = append(all, p)
		return nil
	})
	return all, err
}

// ProfilesOf are those that hold the role with this name.
func ProfilesOf(tx *state.Tx, role string) ([]Profile, error) {
	all, err := AllProfiles(tx)
	return slices.DeleteFunc(all, func(p Profile) bool { return p.Role != role }), err
}
