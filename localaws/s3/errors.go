package s3

import (
	"encoding/xml"
	"net/http"

	"github.com/parascope/parascope/localaws/gateway"
)

func refuse(status int, code, message string) error {
	return &gateway.Error{Status: status, Code: code, Message: message}
}

func noSuchBucket() error {
	return refuse(http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist")
}

func accessDenied() error { return refuse(http.StatusForbidden, "AccessDenied", "Access Denied") }

func malformed() error {
	return refuse(http.StatusBadRequest, "MalformedXML",
		"The XML you provided was not well-formed or did not validate against our published schema")
}

// parse reads a request's XML body into v.
func parse(r *gateway.Request, v any) error {
	if err := xml.Unmarshal(r.Body, v); err != nil {
		return malformed()
	}
	return nil
}

// elsewhere is the answer to a request that reached the wrong region.
func elsewhere(region string) error {
	return &gateway.Error{Status: http.StatusMovedPermanently, Code: "PermanentRedirect",
		Message: "The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future requests to " +
			"this endpoint. The bucket is in " + region + ".",
		Header: http.Header{"X-Amz-Bucket-Region": {region}}}
}
