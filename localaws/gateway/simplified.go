package gateway

import "net/http"

// Document lists what the local cloud does and does not do; refusals that AWS would
// not make name it. TestDocs in package localaws writes it.
const Document = "localaws/docs/operations.md"

// Simplified is the text of a refusal that is the local cloud's and not AWS's: what
// is a predicate, "has no images".
func Simplified(what string) string { return "the local cloud " + what + "; see " + Document }

// NotImplemented is the answer 501 for what AWS does and the local cloud does not:
// what is an operation as IAM writes it, or a part of one.
func NotImplemented(what string) *Error {
	return &Error{Status: http.StatusNotImplemented, Code: "NotImplemented", Message: Simplified("does not implement " + what)}
}
