package imds

import (
	"net/http"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/principal"
)

const getToken = "GetToken"

// Service is the service's table, for the documentation and its own routing. It
// is no service of the gateway: nobody signs requests for metadata.
func (h *Handler) Service() gateway.Service {
	const (
		guide = "EC2 user guide, instance metadata"
		data  = "/latest/meta-data/"
		get   = http.MethodGet
	)
	return gateway.Service{
		Name: "imds", Title: "EC2 instance metadata service", SigningName: "none", Version: "latest", Protocol: gateway.RESTJSON,
		Rules: []gateway.Rule{
			{Text: "only IMDSv2 is served: a request without a valid token is refused with 401", Basis: gateway.Confirmed,
				Source: guide + ", IMDSv2 (HttpTokens required)"},
			{Text: "a request with the header X-Forwarded-For is refused with 403", Basis: gateway.Inferred,
				Source: guide + " (AWS refuses a token to such requests; the local cloud refuses every such request)"},
			{Text: "the service describes one machine, whose role has all permissions", Basis: gateway.Assumed,
				Source: "a simplification of the local cloud"},
		},
		Operations: []gateway.Operation{
			{Name: getToken, Method: http.MethodPut, Path: "/latest/api/token", Serve: h.token, Rules: []gateway.Rule{
				{Text: "the header X-aws-ec2-metadata-token-ttl-seconds must be 1 to 21600, otherwise the response is 400; a valid header is " +
					"repeated in the response", Basis: gateway.Confirmed,
					Source: guide + ", IMDSv2"},
			}},
			{Name: "GetRoleName", Method: get, Path: data + "iam/security-credentials/", Serve: text(h.roleName())},
			{Name: "GetRoleCredentials", Method: get, Path: data + "iam/security-credentials/{role}", Serve: h.credentials, Rules: []gateway.Rule{
				{Text: "new credentials are returned five minutes before the old ones expire, or after half of a lifetime under ten minutes; " +
					"the old credentials remain valid until they expire", Basis: gateway.Confirmed,
					Source: guide + ", security credentials (it documents the five minutes; half of the lifetime is a rule of the local cloud " +
						"for lifetimes that " +
						"AWS does not have)"},
				{Text: "expired credentials are refused by every service with 403 ExpiredTokenException, ExpiredToken in the query " +
					"protocol", Basis: gateway.Inferred,
					Source: "STS API reference, common errors"},
				{Text: "a request for a role that the machine does not have returns 404", Basis: gateway.Confirmed, Source: guide},
			}},
			{Name: "GetAvailabilityZone", Method: get, Path: data + "placement/availability-zone", Serve: text(h.opts.Region + "a")},
			{Name: "GetRegion", Method: get, Path: data + "placement/region", Serve: text(h.opts.Region)},
			{Name: "GetInstanceId", Method: get, Path: data + "instance-id", Serve: text(instanceID)},
			{Name: "GetInstanceType", Method: get, Path: data + "instance-type", Serve: text(instanceType)},
			{Name: "GetLocalIPv4", Method: get, Path: data + "local-ipv4", Serve: text(privateIP)},
			{Name: "GetIdentityDocument", Method: get, Path: "/latest/dynamic/instance-identity/document", Serve: h.identity, Rules: []gateway.Rule{
				{Text: "the document is not signed: the paths rsa2048, pkcs7 and signature do not exist; the account ID of the document is " +
					"" + principal.Account,
					Basis: gateway.Assumed, Source: "a simplification of the local cloud"},
			}},
		},
	}
}
