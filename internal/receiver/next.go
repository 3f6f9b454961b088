package receiver

import (
	"net/http"
	"strings"
)

// forbidden are the words of AWS's 403s, in lower case, and what mends each: the
// permission is one cause of many. Source: AWS General Reference, common errors; the
// gateway in front of AMP.
var forbidden = []struct{ phrase, next string }{
	{"missing authentication token", "check that the remote_write url ends in /workspaces/ID/api/v1/remote_write and that the " +
		"section has sigv4; no permission is missing"},
	{"security token included in the request is expired", "renew the expired credentials; " +
		"new credentials are used without a restart"},
	{"security token included in the request is invalid", "check the access key or the machine's role: AWS does not recognize the " +
		"credentials; new credentials are used without a restart"},
	{"scoped to", "set sigv4's region to the workspace's region, which is part of the remote_write url"},
	{"signature expired", "if the error continues, correct the machine's clock; requests are now signed with the receiver's time"},
	{"signature not yet current", "if the error continues, correct the machine's clock; requests are now signed with the receiver's time"},
	{"does not match the signature", "check that the secret key belongs to the access key, and that no proxy changes requests"},
	{"not authorized to perform", "give the machine's role or profile the permission aps:RemoteWrite on this workspace; the permission " +
		"is used without a restart"},
	{"explicit deny", "a policy denies aps:RemoteWrite: remove the deny, or exclude the machine's role from the deny"},
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
		return "attach an instance role with the permission aps:RemoteWrite to the machine, or set AWS_PROFILE to a profile that has " +
			"it; no restart is needed"
	case a.Code == http.StatusUnauthorized, a.Code == http.StatusForbidden:
		return "give the machine's role or profile the permission aps:RemoteWrite on this workspace, and check the sigv4 section's region; " +
			"fresh credentials are used without a restart"
	case a.Code == http.StatusNotFound:
		return "compare the remote_write url with the workspace's endpoint: the workspace or the path does not exist"
	case a.Code == http.StatusTooManyRequests:
		return "if throttling continues, request a higher quota or scrape fewer series"
	case a.Meaning == Split:
		return "raise the request size limit of the receiver or proxy, or lower --queue.max-request-bytes; if a single series is too " +
			"large, shorten its labels or drop the series with write_relabel_configs"
	case isOfSamples(a.Code):
		return "correct the cause that is named in the response; the samples are kept and sent again until the cause is fixed"
	case a.Code/100 == 3:
		return "set the remote_write url to the redirect's target: the receiver returns a redirect"
	case a.Code >= 500:
		return "no action is needed: the receiver failed; the samples are kept and sent again"
	}
	return "check the network, DNS and proxy between this machine and the endpoint; the samples are kept and sent again"
}
