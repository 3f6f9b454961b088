package identity

import (
	"cmp"
	"slices"
)

// Person is a user as a sign-in page shows one.
type Person struct {
	ID, UserName, Email, Name string
}

// Everybody lists the users, sorted by user name.
func (s *Identity) Everybody() []Person {
	var all []Person
	for _, u := range s.people().Users {
		p := Person{ID: u.ID, UserName: u.UserName, Name: u.DisplayName}
		for _, e := range u.Emails {
			if p.Email == "" || e.Primary {
				p.Email = e.Value
			}
		}
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b Person) int { return cmp.Or(cmp.Compare(a.UserName, b.UserName), cmp.Compare(a.ID, b.ID)) })
	return all
}
