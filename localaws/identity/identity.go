// Package identity is the local cloud's IAM Identity Center: the instance that
// sso-admin lists, and the users and groups of its identity store.
//
// The people come from a JSON file when Options name one:
//
//	{
//	  "users": [
//	    {"userName": "dana", "email": "dana@example.com", "givenName": "Dana", "familyName": "Diaz"}
//	  ],
//	  "groups": [
//	    {"displayName": "platform-team", "description": "runs the clusters", "members": ["dana"]}
//	  ]
//	}
//
// Members are user names. On every start those that are missing are added by
// their names; nothing is changed or taken away, so ids stay what they are.
// Without a file there are alice, bob and carol at example.com and a group
// platform-team of alice and bob, made once on the first start.
package identity

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/state"
)

// Kind is what sort of instance the account has.
type Kind string

const (
	// Organization is an instance of the organization, whose management account
	// the local account is. It is the default, and what Amazon Managed Grafana needs.
	Organization Kind = "organization"
	// Account is an instance of this account alone, which is in no organization.
	// Amazon Managed Grafana does not work with it.
	Account Kind = "account"
	// None: Identity Center is not enabled.
	None Kind = "none"
)

// Options are what the service is made of.
type Options struct {
	State  *state.DB
	Now    func() time.Time
	NewID  func() string // UUIDs
	Region string        // where the instance is; default us-east-2
	Kind   Kind          // default Organization
	Seed   string        // file of users and groups; see the package's comment
}

// Identity is the service.
type Identity struct {
	opts     Options
	changing sync.Mutex
	current  atomic.Pointer[directory] // what the state has; replaced, never changed
}

// bucket keeps the whole directory as one value: it is small, and its parts
// refer to each other.
const bucket, key = "identity", "directory"

// New opens the service on its state and adds the people that are missing.
func New(o Options) (*Identity, error) {
	if o.Region == "" {
		o.Region = "us-east-2"
	}
	switch o.Kind {
	case "":
		o.Kind = Organization
	case Organization, Account, None:
	default:
		return nil, fmt.Errorf("could not open the identity store: the instance type %q is not valid; use organization, account or none", o.Kind)
	}
	people, err := readSeed(o.Seed)
	if err != nil {
		return nil, err
	}
	s := &Identity{opts: o}
	err = s.change(func(d *directory) error {
		if d.InstanceID != "" && o.Seed == "" {
			return nil
		}
		if d.InstanceID == "" {
			hex := strings.ReplaceAll(o.NewID(), "-", "")
			d.InstanceID, d.StoreID, d.CreatedAt = "ssoins-"+hex[:16], "d-"+hex[16:26], epoch(o.Now())
		}
		return s.add(d, people)
	})
	if err != nil {
		return nil, fmt.Errorf("could not open the identity store: %w", err)
	}
	return s, nil
}

// change lets f change a copy of the directory, and keeps it when f returns
// without an error.
func (s *Identity) change(f func(*directory) error) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	d := newDirectory()
	err := s.opts.State.Update(func(tx *state.Tx) error {
		if _, err := tx.Get(bucket, key, d); err != nil {
			return err
		}
		if err := f(d); err != nil {
			return err
		}
		return tx.Put(bucket, key, d)
	})
	if err == nil {
		s.current.Store(d)
	}
	return err
}

// OrganizationInstance reports whether the account has an instance of the
// organization, which Amazon Managed Grafana needs.
func (s *Identity) OrganizationInstance() bool { return s.opts.Kind == Organization }

// InOrganization reports whether the account is in an organization, as its
// management account.
func (s *Identity) InOrganization() bool { return s.opts.Kind != Account }

// KnowsUser reports whether there is a user with this id.
func (s *Identity) KnowsUser(id string) bool { return s.people().Users[id] != nil }

// KnowsGroup reports whether there is a group with this id.
func (s *Identity) KnowsGroup(id string) bool { return s.people().Groups[id] != nil }

// GroupsOf lists the ids of the groups that the user is a member of, sorted.
func (s *Identity) GroupsOf(userID string) []string {
	var groups []string
	for _, m := range s.people().Memberships {
		if m.User == userID {
			groups = append(groups, m.Group)
		}
	}
	return slices.Sorted(slices.Values(groups))
}

// UserByEmail is the id of the user with this e-mail address.
func (s *Identity) UserByEmail(email string) (id string, found bool) {
	u := s.people().userBy(func(u *user) bool { return u.hasEmail(email) })
	if u == nil {
		return "", false
	}
	return u.ID, true
}

// people is the directory, an empty one where there is no instance.
func (s *Identity) people() *directory {
	if s.opts.Kind == None {
		return newDirectory()
	}
	return s.current.Load()
}

// directory is the instance and all who are in it.
type directory struct {
	InstanceID  string // ssoins-…
	StoreID     string // d-…
	CreatedAt   float64
	Users       map[string]*user
	Groups      map[string]*group
	Memberships map[string]*membership
}

func newDirectory() *directory {
	return &directory{Users: map[string]*user{}, Groups: map[string]*group{}, Memberships: map[string]*membership{}}
}

func (d *directory) userBy(is func(*user) bool) *user {
	for _, id := range slices.Sorted(maps.Keys(d.Users)) {
		if is(d.Users[id]) {
			return d.Users[id]
		}
	}
	return nil
}

func (d *directory) groupBy(is func(*group) bool) *group {
	for _, id := range slices.Sorted(maps.Keys(d.Groups)) {
		if is(d.Groups[id]) {
			return d.Groups[id]
		}
	}
	return nil
}

// epoch is a time as the JSON protocols write it: seconds since 1970.
func epoch(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// Services are sso-admin and identitystore.
func (s *Identity) Services() []gateway.Service {
	return []gateway.Service{s.ssoAdmin(), s.identityStore()}
}

// serve makes an operation of f, which looks at the directory.
func serve[In any](s *Identity, f func(*call, In) (any, error)) func(http.ResponseWriter, *gateway.Request) error {
	return func(w http.ResponseWriter, r *gateway.Request) error {
		in, err := parse[In](r)
		if err != nil {
			return err
		}
		out, err := f(&call{r, s.people(), s}, in)
		if err != nil {
			return err
		}
		return gateway.WriteJSON(w, http.StatusOK, out)
	}
}

// alter makes an operation of f, which changes the directory.
func alter[In any](s *Identity, f func(*call, In) (any, error)) func(http.ResponseWriter, *gateway.Request) error {
	return func(w http.ResponseWriter, r *gateway.Request) error {
		in, err := parse[In](r)
		if err != nil {
			return err
		}
		var out any
		err = s.change(func(d *directory) (err error) {
			out, err = f(&call{r, d, s}, in)
			return err
		})
		if err != nil {
			return err
		}
		return gateway.WriteJSON(w, http.StatusOK, out)
	}
}

// call is an operation at work.
type call struct {
	*gateway.Request
	*directory
	service *Identity
}

// empty is the answer of the operations that have nothing to say.
type empty struct{}
