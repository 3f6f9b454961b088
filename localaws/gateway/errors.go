package gateway

import (
	"errors"
	"maps"
	"net/http"

	"github.com/parascope/parascope/localaws/sigv4"
)

// refusal is how an error of the signature is called in the protocols: the
// query protocol has its own names, the JSON ones share theirs.
type refusal struct {
	query       string
	queryStatus int
	json        string
}

var refusals = map[sigv4.Kind]refusal{
	sigv4.Missing:      {"MissingAuthenticationToken", 403, "MissingAuthenticationTokenException"},
	sigv4.Incomplete:   {"IncompleteSignature", 400, "IncompleteSignatureException"},
	sigv4.UnknownKey:   {"InvalidClientTokenId", 403, "UnrecognizedClientException"},
	sigv4.TokenExpired: {"ExpiredToken", 403, "ExpiredTokenException"},
	sigv4.Expired:      {"SignatureDoesNotMatch", 403, "InvalidSignatureException"},
	sigv4.Scope:        {"SignatureDoesNotMatch", 403, "InvalidSignatureException"},
	sigv4.Mismatch:     {"SignatureDoesNotMatch", 403, "InvalidSignatureException"},
	sigv4.Unsigned:     {"SignatureDoesNotMatch", 403, "InvalidSignatureException"},
}

// writeError answers with err in the service's protocol. What is no answer of
// AWS is a defect of the cloud: it is logged here, once, and the client gets its
// request id to find it by.
func (g *Gateway) writeError(w http.ResponseWriter, req *Request, err error) {
	s := req.route.service
	answer, ok := errors.AsType[*Error](err)
	if failure, refused := errors.AsType[*sigv4.Failure](err); refused {
		r := refusals[failure.Kind]
		answer, ok = &Error{Status: http.StatusForbidden, Code: r.json, Message: failure.Message}, true
		if s.byForm() || s.Protocol == RESTXML {
			answer.Status, answer.Code = r.queryStatus, r.query
			switch {
			case failure.Kind == sigv4.Missing:
				answer.Message = "Request is missing Authentication Token"
			case failure.Kind == sigv4.Unsigned && s.Protocol == RESTXML:
				answer.Code, answer.Message = "AccessDenied", "There were headers present in the request which were not signed"
			}
		}
	}
	if !ok {
		g.opts.Logger.Error("request failed because of an internal error of the local cloud", "id", req.ID, "path", req.URL.Path, "err", err)
		answer = &Error{Status: http.StatusInternalServerError, Code: "InternalFailure",
			Message: "The request failed because of an internal error of the local cloud; its log has the reason (request " + req.ID + ")"}
	}
	maps.Copy(w.Header(), answer.Header)
	if err := writeAnswer(w, req, answer); err != nil {
		g.opts.Logger.Error("could not write the error response", "id", req.ID, "err", err)
	}
}

// fault is whose an error is, in the words of the query protocol.
func fault(e *Error) string {
	if e.Status >= http.StatusInternalServerError {
		return "Receiver"
	}
	return "Sender"
}

func mediaType(p Protocol) string {
	if p == JSON10 {
		return "application/x-amz-json-1.0"
	}
	return "application/x-amz-json-1.1"
}

func writeAnswer(w http.ResponseWriter, req *Request, answer *Error) error {
	body := map[string]any{"message": answer.Message}
	maps.Copy(body, answer.Members)
	s := req.route.service
	if s.QueryErrors {
		w.Header().Set("x-amzn-query-error", answer.Code+";"+fault(answer))
	}
	switch s.Protocol {
	case RESTXML:
		return writeS3Error(w, req, answer)
	case EC2Query:
		return writeEC2Error(w, req, answer)
	case Query:
		said := struct{ Type, Code, Message string }{fault(answer), answer.Code, answer.Message}
		return writeXML(w, req, answer.Status, "ErrorResponse", element{"Error", said}, element{"RequestId", req.ID})
	case JSON11, JSON10:
		body["__type"] = answer.Code
		return writeJSON(w, answer.Status, mediaType(s.Protocol), body)
	case CBOR:
		body["__type"] = answer.Code
		return WriteCBOR(w, answer.Status, body)
	}
	if answer.Capital {
		body = map[string]any{"Message": answer.Message}
	}
	if answer.Code != "" {
		w.Header().Set("x-amzn-ErrorType", answer.Code)
	}
	return WriteJSON(w, answer.Status, body)
}
