package receiver

import (
	"net/http"
	"strings"
)

// forbidden are the words of AWS's 403s, in lower case, and what mends each: the
// permission is one cause of many. Source: AWS General Reference, common errors; the
// gateway in front of AMP.
var forbidden = []struct{ phrase, next string }{
	{"missing authentication token", "the path of remote_write's url is not an AMP path (which ends in /workspaces/ID/api/v1/remote_write), " +
		"or the section has no sigv4; this is not a missing permission"},
	{"security token included in the request is expired", "the credentials have expired: renew them at their source; " +
		"new credentials are used without a restart"},
	{"security token included in the request is invalid", "AWS does not know these credentials: check the access key, or the role of the " +
		"machine; new credentials are used without a restart"},
	{"scoped to", "write the region of the workspace into sigv4's region; it is a part of remote_write's url"},
	{"signature expired", "requests are now signed with the receiver's time; if the error continues, set the machine's clock"},
	{"signature not yet current", "no action if it stops: requests are signed by the receiver's clock from now on; else set the machine's " +
		"clock"},
	{"does not match the signature", "the secret key is not that of the access key, or a proxy on the way changes requests"},
	{"not authorized to perform", "give the machine's role or profile the permission aps:RemoteWrite on this workspace; " +
		"it is used without a restart"},
	{"explicit deny", "a policy denies aps:RemoteWrite: remove the deny, or except the machine's role from it"},
}

// Next is what a person can do about an answer that keeps samples waiting.
func (a Answer) Next() string {
	if a.Code == http.StatusForbidden {
		text := strings.ToLower(a.Text)
		for _, f := range forbidden {
			if strings.Contains(text, f.phrase) {
				return f.next
			}
		}
	}
	switch {
	case a.Unsigned:
		return "give the machine an instance role, or AWS_PROFILE a profile, that may aps:RemoteWrite; it is used without a restart"
	case a.Code == http.StatusUnauthorized, a.Code == http.StatusForbidden:
		return "give the machine's role or profile the permission aps:RemoteWrite on this workspace, and check the sigv4 section's region; " +
			"fresh credentials are used without a restart"
	case a.Code == http.StatusNotFound:
		return "the workspace or the path does not exist: compare remote_write's url with the workspace's endpoint"
	case a.Code == http.StatusTooManyRequests:
		return "no action if it is temporary; otherwise request a higher quota, or scrape less"
	case a.Meaning == Split:
		return "the receiver, or a proxy on the way, accepts no request of this size: raise its limit, or lower --queue.max-request-bytes; " +
			"a series alone that is too large: shorten its labels, or drop it with write_relabel_configs"
	case a.Code == http.StatusBadRequest:
		return "correct the cause that the response names; the samples are kept and sent again until the cause is fixed"
	case a.Code/100 == 3:
		return "remote_write's url is answered with a redirect; write the final address into the configuration"
	case a.Code >= 500:
		return "no action: the receiver failed; the samples are kept and sent again"
	}
	return "check the network, the name and the proxy between this machine and the endpoint; the samples are kept and sent again"
}
