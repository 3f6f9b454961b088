package gateway

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"strconv"

	"github.com/fxamacker/cbor/v2"
)

// WriteJSON answers with v as JSON. With v nil the answer has no body, as AWS's
// answers without an output have none.
func WriteJSON(w http.ResponseWriter, status int, v any) error {
	if v == nil {
		w.WriteHeader(status)
		return nil
	}
	return writeJSON(w, status, "application/json", v)
}

// WriteRPC answers an operation of the protocols that X-Amz-Target or a path of Smithy's
// RPC v2 name, with v in the protocol's form.
func WriteRPC(w http.ResponseWriter, req *Request, v any) error {
	if req.route.service.Protocol == CBOR {
		return WriteCBOR(w, http.StatusOK, v)
	}
	return writeJSON(w, http.StatusOK, mediaType(req.route.service.Protocol), v)
}

// WriteCBOR answers with v as CBOR, as Smithy's RPC v2 does.
func WriteCBOR(w http.ResponseWriter, status int, v any) error {
	body, err := cbor.Marshal(v)
	if err != nil {
		return fmt.Errorf("could not encode a response: %w", err)
	}
	w.Header().Set("smithy-protocol", "rpc-v2-cbor")
	write(w, status, "application/cbor", body)
	return nil
}

func writeJSON(w http.ResponseWriter, status int, contentType string, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("could not encode a response: %w", err)
	}
	write(w, status, contentType, body)
	return nil
}

// WriteQuery answers an action of the query protocol with 200: the fields of
// result stand in <ActionResult>, and that in <ActionResponse>.
func WriteQuery(w http.ResponseWriter, req *Request, result any) error {
	action := req.route.operation.Name
	return writeXML(w, req, http.StatusOK, action+"Response",
		element{action + "Result", result},
		element{"ResponseMetadata", struct{ RequestId string }{req.ID}})
}

// WriteEC2 answers an action of EC2 with 200: the fields of result stand beside
// <requestId> in <ActionResponse>.
func WriteEC2(w http.ResponseWriter, req *Request, result any) error {
	var fields bytes.Buffer
	if err := xml.NewEncoder(&fields).EncodeElement(result, xml.StartElement{Name: xml.Name{Local: "result"}}); err != nil {
		return fmt.Errorf("could not encode a response: %w", err)
	}
	inner := bytes.TrimSuffix(bytes.TrimPrefix(fields.Bytes(), []byte("<result>")), []byte("</result>"))
	name := req.route.operation.Name + "Response"
	body := fmt.Sprintf("%s<%s xmlns=\"http://ec2.amazonaws.com/doc/%s/\"><requestId>%s</requestId>%s</%s>",
		xml.Header, name, req.route.service.Version, req.ID, inner, name)
	write(w, http.StatusOK, "text/xml;charset=UTF-8", []byte(body))
	return nil
}

func writeEC2Error(w http.ResponseWriter, req *Request, answer *Error) error {
	fault := struct{ Code, Message string }{answer.Code, answer.Message}
	body, err := xml.Marshal(struct {
		XMLName   xml.Name `xml:"Response"`
		Errors    any      `xml:"Errors>Error"`
		RequestID string
	}{Errors: fault, RequestID: req.ID})
	if err != nil {
		return fmt.Errorf("could not encode a response: %w", err)
	}
	write(w, answer.Status, "text/xml;charset=UTF-8", body)
	return nil
}

// WriteXML answers with v as an XML document of its own, as S3 does. With v nil
// the answer has no body.
func WriteXML(w http.ResponseWriter, status int, v any) error {
	if v == nil {
		w.WriteHeader(status)
		return nil
	}
	body, err := xml.Marshal(v)
	if err != nil {
		return fmt.Errorf("could not encode a response: %w", err)
	}
	write(w, status, "application/xml", append([]byte(xml.Header), body...))
	return nil
}

// writeS3Error leaves the body out where the client asked for none.
func writeS3Error(w http.ResponseWriter, req *Request, answer *Error) error {
	w.Header().Set("x-amz-request-id", req.ID)
	if req.Method == http.MethodHead {
		w.WriteHeader(answer.Status)
		return nil
	}
	return WriteXML(w, answer.Status, struct {
		XMLName                            xml.Name `xml:"Error"`
		Code, Message, Resource, RequestId string
	}{Code: answer.Code, Message: answer.Message, Resource: req.URL.Path, RequestId: req.ID})
}

// element is a named part of an XML answer.
type element struct {
	name  string
	value any
}

func writeXML(w http.ResponseWriter, req *Request, status int, root string, parts ...element) error {
	s := req.route.service
	start := xml.StartElement{Name: xml.Name{Local: root}}
	if s.Name != "" {
		xmlns := "https://" + s.Name + ".amazonaws.com/doc/" + s.Version + "/"
		start.Attr = []xml.Attr{{Name: xml.Name{Local: "xmlns"}, Value: xmlns}}
	}
	var body bytes.Buffer
	enc := xml.NewEncoder(&body)
	err := enc.EncodeToken(start)
	for _, p := range parts {
		if err == nil {
			err = enc.EncodeElement(p.value, xml.StartElement{Name: xml.Name{Local: p.name}})
		}
	}
	if err == nil {
		err = enc.EncodeToken(start.End())
	}
	if err == nil {
		err = enc.Flush()
	}
	if err != nil {
		return fmt.Errorf("could not encode a response: %w", err)
	}
	write(w, status, "text/xml", body.Bytes())
	return nil
}

func write(w http.ResponseWriter, status int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	w.Write(body) // an error means that the client is gone: nobody is left to tell
}
