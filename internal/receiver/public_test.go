package receiver

import "testing"

// TestPublicText: whatever is wrong with a URL in a text, its user, password, query and
// fragment are not shown.
func TestPublicText(t *testing.T) {
	for text, want := range map[string]string{
		`parse "http://user:s3cret@x:badport/api?token=t0p": invalid port`: `parse "http://xxxxx@x:badport/api?xxxxx": invalid port`,
		`Get "http://u:***@127.0.0.1:7700/sd/a?token=t#frag": EOF`:         `Get "http://xxxxx@127.0.0.1:7700/sd/a?xxxxx": EOF`,
		"http://u@[::1/a":                      "http://xxxxx@[::1/a",
		"two: https://a/b, http://h/p?q=1 end": "two: https://a/b, http://h/p?xxxxx end",
		"no URL: a@b?c=d#e":                    "no URL: a@b?c=d#e",
		"http://h/a@b":                         "http://h/a@b",
	} {
		if got := PublicText(text); got != want {
			t.Errorf("%q gives %q, want %q", text, got, want)
		}
	}
}
