package reach

import "testing"

func TestMayDeny(t *testing.T) {
	const arn = "arn:aws:s3:::b/parascope/s/v1/install.sh"
	for name, c := range map[string]struct {
		s    statement
		want bool
	}{
		"everything":         {statement{Action: "s3:*", Resource: "*"}, true},
		"reading, listed":    {statement{Action: []any{"s3:PutObject", "s3:Get*"}, Resource: []any{"arn:aws:s3:::b/*"}}, true},
		"writing":            {statement{Action: []any{"s3:PutObject", "s3:DeleteObject"}, Resource: "arn:aws:s3:::b/*"}, false},
		"another prefix":     {statement{Action: "s3:GetObject", Resource: "arn:aws:s3:::b/other/*"}, false},
		"NotAction":          {statement{Resource: "*"}, true},
		"a letter is a joke": {statement{Action: "s3:GetObjec?", Resource: "*/install.sh"}, true},
	} {
		if got := c.s.mayDeny(arn); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
