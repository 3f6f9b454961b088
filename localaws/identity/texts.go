package identity

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// What names and other texts may have in them (the SDK's model of identitystore): letters,
// marks, symbols, numbers and punctuation, and all but user names some spaces. Control
// characters are none of these.
var (
	userNames  = regexp.MustCompile(`^[\p{L}\p{M}\p{S}\p{N}\p{P}]+$`)
	groupNames = regexp.MustCompile(`^[\p{L}\p{M}\p{S}\p{N}\p{P}\t\n\r \x{a0}]+$`)
	texts      = regexp.MustCompile(`^[\p{L}\p{M}\p{S}\p{N}\p{P}\t\n\r \x{a0}\x{3000}]+$`)
)

const maxText = 1024

// outside is the refusal of a member whose value is not of the pattern.
func outside(member string, pattern *regexp.Regexp) error {
	return invalid("1 validation error detected: Value at '" + member + "' failed to satisfy constraint: Member must satisfy regular " +
		"expression pattern: " + strings.Trim(pattern.String(), "^$"))
}

// checkText refuses a text that is there and has what it may not have.
func checkText(member, value string, pattern *regexp.Regexp) error {
	switch {
	case value == "", pattern.MatchString(value) && len([]rune(value)) <= maxText:
		return nil
	case pattern.MatchString(value):
		return invalid("1 validation error detected: Value at '" + member + "' failed to satisfy constraint: Member must have length less " +
			"than or equal to 1024")
	}
	return outside(member, pattern)
}

// checkTexts checks all texts of a user but the user name.
func (u *user) checkTexts() error {
	all := map[string]string{"displayName": u.DisplayName, "nickName": u.NickName, "profileUrl": u.ProfileURL, "userType": u.UserType,
		"title": u.Title, "preferredLanguage": u.PreferredLanguage, "locale": u.Locale, "timezone": u.Timezone}
	if n := u.Name; n != nil {
		all["name.formatted"], all["name.familyName"], all["name.givenName"] = n.Formatted, n.FamilyName, n.GivenName
		all["name.middleName"], all["name.honorificPrefix"], all["name.honorificSuffix"] = n.MiddleName, n.HonorificPrefix, n.HonorificSuffix
	}
	for _, e := range u.Emails {
		all["emails.value"], all["emails.type"] = e.Value, e.Type
	}
	for name, value := range shown(u.Addresses, "addresses") {
		all[name] = value
	}
	for name, value := range shown(u.PhoneNumbers, "phoneNumbers") {
		all[name] = value
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if err := checkText(name, all[name], texts); err != nil {
			return err
		}
	}
	return nil
}

// shown are the texts of a list of objects that is kept as it was given.
func shown(raw json.RawMessage, member string) map[string]string {
	var list []map[string]any
	if json.Unmarshal(raw, &list) != nil {
		return nil // it is shown to nobody who could not read it as it was given
	}
	out := map[string]string{}
	for _, object := range list {
		for name, value := range object {
			if text, ok := value.(string); ok {
				out[member+"."+name] = text
			}
		}
	}
	return out
}
