package identity

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/organizations/types"
)

// TestWhoseInstance goes through all that AWS can say of an instance's owner.
func TestWhoseInstance(t *testing.T) {
	const me, management = "111122223333", "999988887777"
	none, denied := &types.AWSOrganizationsNotInUseException{}, &types.AccessDeniedException{}
	for name, c := range map[string]struct {
		owner     string
		callerErr error
		master    string
		masterErr error
		want      Instance
		unasked   bool // the organization is not asked about
	}{
		"another account's":                               {owner: management, want: OrganizationInstance, unasked: true},
		"mine, and I manage the organization":             {owner: me, master: me, want: OrganizationInstance},
		"mine, and I am in nobody's organization":         {owner: me, masterErr: none, want: AccountInstance},
		"mine, and another account manages":               {owner: me, master: management, want: AccountInstance},
		"mine, and I may not ask":                         {owner: me, masterErr: denied, want: UnknownInstance},
		"mine, and nobody answers":                        {owner: me, masterErr: errors.New("timeout"), want: UnknownInstance},
		"somebody's, and AWS does not say who is calling": {owner: me, callerErr: denied, want: UnknownInstance, unasked: true},
	} {
		t.Run(name, func(t *testing.T) {
			asked := false
			o := owners{
				caller: func() (string, error) { return me, c.callerErr },
				master: func() (string, error) { asked = true; return c.master, c.masterErr },
			}
			got, why := o.instance(c.owner)
			if got != c.want || (why != nil) != (c.want == UnknownInstance) || asked == c.unasked {
				t.Errorf("%s, %v, asked %v; want %s", got, why, asked, c.want)
			}
		})
	}
}
