package localaws

import (
	"path/filepath"
	"time"

	"github.com/parascope/parascope/localaws/principal"
)

// HeadRole is the role of the machine that the metadata service speaks of.
const HeadRole = "arn:aws:iam::" + principal.Account + ":role/" + headRoleName

const (
	headRoleName      = "parascope-head"
	administrator     = "arn:aws:iam::aws:policy/AdministratorAccess"
	remoteWriteAccess = "arn:aws:iam::aws:policy/AmazonPrometheusRemoteWriteAccess"
	instanceService   = "ec2.amazonaws.com"
)

// seed makes the account's first users and hands out their keys: a person who may
// do everything, a head node, which may send metrics and nothing else, and those
// that the options name.
func (c *Cloud) seed() error {
	access := c.parts.iam
	operator, err := access.EnsureUser("operator", administrator)
	if err != nil {
		return err
	}
	head, err := access.EnsureUser("parascope-head", remoteWriteAccess)
	if err != nil {
		return err
	}
	if err := access.EnsureRole(headRoleName, instanceService, remoteWriteAccess); err != nil {
		return err
	}
	profiles := []principal.Profile{{Name: "operator", Key: operator}, {Name: "head", Key: head}}
	for _, u := range c.opts.Users {
		arn, err := access.EnsurePolicy(u.Name, u.Policy)
		if err != nil {
			return err
		}
		key, err := access.EnsureUser(u.Name, arn)
		if err != nil {
			return err
		}
		profiles = append(profiles, principal.Profile{Name: u.Name, Key: key})
	}
	return principal.WriteSharedFiles(filepath.Join(c.opts.DataDir, "aws"), c.opts.Region, profiles)
}

// headCredentials are new ones of the head node's role.
func (c *Cloud) headCredentials(lifetime time.Duration) (principal.AccessKey, error) {
	return c.parts.iam.AssumeForService(HeadRole, instanceService, "i-0123456789abcdef0", nil, lifetime)
}
