package localaws

import (
	"path/filepath"
	"strconv"
	"time"

	"github.com/parascope/parascope/localaws/principal"
)

// Managed policies of AWS that first users and roles often have.
const (
	AdministratorAccess = "arn:aws:iam::aws:policy/AdministratorAccess"
	RemoteWriteAccess   = "arn:aws:iam::aws:policy/AmazonPrometheusRemoteWriteAccess"
)

// User is one that is made at the start and whose keys are handed out.
type User struct {
	Name    string
	Profile string   // of the keys in AWS's shared files; default Name
	Managed string   // ARN of a managed policy of AWS; empty: none
	Policy  string   // JSON document, which becomes a managed policy of the user's name; empty: none
	Further []string // documents of more policies, NAME-2, NAME-3, …: IAM bounds the size of one
}

// Role is one that is made at the start for a machine.
type Role struct {
	Name    string
	Managed string // ARN of a managed policy of AWS; empty: none
}

// ARN names the role.
func (r Role) ARN() string { return "arn:aws:iam::" + principal.Account + ":role/" + r.Name }

const instanceService = "ec2.amazonaws.com"

// seed makes the account's first users and hands out their keys, and the role of
// the machine.
func (c *Cloud) seed() error {
	var profiles []principal.Profile
	for _, u := range c.opts.Users {
		p, err := c.seedUser(u)
		if err != nil {
			return err
		}
		profiles = append(profiles, p)
	}
	if r := c.opts.IMDS.Role; r.Name != "" {
		if err := c.parts.iam.EnsureRole(r.Name, instanceService, given(r.Managed)...); err != nil {
			return err
		}
	}
	return principal.WriteSharedFiles(filepath.Join(c.opts.DataDir, "aws"), c.opts.Region, profiles)
}

func (c *Cloud) seedUser(u User) (principal.Profile, error) {
	policies := given(u.Managed)
	for i, document := range append(given(u.Policy), u.Further...) {
		name := u.Name
		if i > 0 {
			name += "-" + strconv.Itoa(i+1)
		}
		arn, err := c.parts.iam.EnsurePolicy(name, document)
		if err != nil {
			return principal.Profile{}, err
		}
		policies = append(policies, arn)
	}
	key, err := c.parts.iam.EnsureUser(u.Name, policies...)
	p := principal.Profile{Name: u.Profile, Key: key}
	if p.Name == "" {
		p.Name = u.Name
	}
	return p, err
}

// given is a list of the text, or of nothing.
func given(text string) []string {
	if text == "" {
		return nil
	}
	return []string{text}
}

// machineCredentials are new ones of the machine's role.
func (c *Cloud) machineCredentials(lifetime time.Duration) (principal.AccessKey, error) {
	return c.parts.iam.AssumeForService(c.opts.IMDS.Role.ARN(), instanceService, "i-0123456789abcdef0", nil, lifetime)
}
