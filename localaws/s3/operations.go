package s3

import (
	"net/http"
	"slices"

	"github.com/parascope/parascope/localaws/gateway"
)

// Sources of the rules below, named once.
const (
	reference = "S3 API reference"
	guide     = "S3 user guide"
)

// Service is S3 for the gateway.
func (s *S3) Service() gateway.Service {
	return gateway.Service{
		Name: "s3", Title: "Amazon Simple Storage Service", SigningName: "s3", Version: "2006-03-01", Protocol: gateway.RESTXML,
		Operations: slices.Concat(s.bucketOperations(), s.bucketSettings(), bucketsNotHere(), s.objectOperations()),
		Rules: []gateway.Rule{
			{Text: "addresses are path-style, `/bucket/key`", Basis: gateway.Confirmed,
				Source: guide + ", path-style requests (AWS serves them beside virtual-hosted ones)"},
			{Text: "a request to a bucket of another region returns 301 PermanentRedirect with x-amz-bucket-region, except for GetBucketLocation",
				Basis: gateway.Confirmed, Source: reference + ", error responses (the error text of the local cloud omits AWS's endpoint)"},
			{Text: "the bucket `cloudformation-custom-resource-response-<region without dashes>` always exists and belongs to AWS: " +
				"requests of the account are refused with 403, presigned requests of CloudFormation are accepted", Basis: gateway.Inferred,
				Source: "CloudFormation user guide, VPC endpoints (the name and the owner of the bucket)"},
			{Text: "a request to another account's bucket is refused with 403 " +
				"AccessDenied", Basis: gateway.Confirmed, Source: reference + ", HeadBucket"},
			{Text: "names that begin with `taken-` belong to another account, to test this case", Basis: gateway.Assumed,
				Source: "a feature of the local cloud for tests"},
			{Text: "settings are stored and returned; bucket policies, encryption, versions and public access blocks have no effect on requests",
				Basis: gateway.Assumed, Source: "a simplification of the local cloud"},
			{Text: "bodies in signed chunks (`STREAMING-…`) are refused; SDKs use signed chunks only over https, or if " +
				"configured", Basis: gateway.Assumed,
				Source: "a simplification of the local cloud; the Go SDK and the CLIs sign whole bodies over http"},
		},
	}
}

// Methods and path of the operations on buckets.
const (
	get, put, post, del = http.MethodGet, http.MethodPut, http.MethodPost, http.MethodDelete
	bucketPath          = "/{Bucket}"
)

// bucketOperations are those on buckets and on the list of what is in one.
func (s *S3) bucketOperations() []gateway.Operation {
	const path = bucketPath
	listKeys := func(r *gateway.Request) map[string][]string {
		return map[string][]string{"s3:prefix": {r.URL.Query().Get("prefix")}}
	}
	return []gateway.Operation{
		{Name: "ListBuckets", Method: get, Path: "/", Serve: s.listBuckets, Action: "s3:ListAllMyBuckets"},
		{Name: "CreateBucket", Method: put, Path: path, Serve: s.createBucket, Action: "s3:CreateBucket", Resources: bucketARN,
			Rules: []gateway.Rule{
				{Text: "outside us-east-1, a LocationConstraint other than the endpoint's region is refused with 400 " +
					"IllegalLocationConstraintException; in us-east-1, LocationConstraint must be absent or another region, and `us-east-1` is " +
					"refused with 400 InvalidLocationConstraint", Basis: gateway.Confirmed,
					Source: reference + ", CreateBucket and error responses"},
				{Text: "creating a bucket that the account already owns is refused with 409 BucketAlreadyOwnedByYou, but returns 200 in " +
					"us-east-1; the name of another account's bucket is refused with 409 BucketAlreadyExists",
					Basis: gateway.Confirmed, Source: reference + ", CreateBucket"},
				{Text: "object lock, ACL and ownership headers are ignored", Basis: gateway.Assumed, Source: "a simplification of the local cloud"},
			}},
		{Name: "HeadBucket", Method: http.MethodHead, Path: path, Serve: s.headBucket, Action: "s3:ListBucket", Resources: bucketARN},
		{Name: "DeleteBucket", Method: del, Path: path, Serve: s.deleteBucket, Action: "s3:DeleteBucket", Resources: bucketARN},
		{Name: "ListObjects", Method: get, Path: path},
		{Name: "ListObjectsV2", Method: get, Path: path, Query: "list-type=2", Serve: s.listObjects, Action: "s3:ListBucket",
			Resources: bucketARN, Keys: listKeys, Rules: []gateway.Rule{
				{Text: "keys are sorted by their bytes, 1000 per page; keys that have a delimiter after the prefix are grouped into a common prefix",
					Basis: gateway.Confirmed, Source: reference + ", ListObjectsV2"},
			}},
		{Name: "DeleteObjects", Method: post, Path: path, Query: "delete", Serve: s.deleteObjects, Rules: []gateway.Rule{
			{Text: "a request has up to 1000 keys; each requires s3:DeleteObject, and a refused key is an Error in a response with status 200",
				Basis:  gateway.Confirmed,
				Source: reference + ", DeleteObjects"},
		}},
		{Name: "GetBucketLocation", Method: get, Path: path, Query: "location", Serve: s.getBucketLocation, Action: "s3:GetBucketLocation",
			Resources: bucketARN, Rules: []gateway.Rule{
				{Text: "the location is empty for us-east-1; the operation works in every " +
					"region", Basis: gateway.Confirmed, Source: reference + ", GetBucketLocation"},
			}},
	}
}

// bucketSettings are those that store a setting of a bucket and give it back.
func (s *S3) bucketSettings() []gateway.Operation {
	const path = bucketPath
	return []gateway.Operation{
		{Name: "GetBucketVersioning", Method: get, Path: path, Query: "versioning", Serve: s.getSetting(versioning()),
			Action: "s3:GetBucketVersioning", Resources: bucketARN},
		{Name: "PutBucketVersioning", Method: put, Path: path, Query: "versioning", Serve: s.putSetting(versioning()),
			Action: "s3:PutBucketVersioning", Resources: bucketARN, Rules: []gateway.Rule{
				{Text: "only the setting is stored; old versions are not kept", Basis: gateway.Assumed, Source: "a simplification of the local cloud"},
			}},
		{Name: "GetBucketEncryption", Method: get, Path: path, Query: "encryption", Serve: s.getSetting(encryption()),
			Action: "s3:GetEncryptionConfiguration", Resources: bucketARN, Rules: []gateway.Rule{
				{Text: "the default encryption is AES256", Basis: gateway.Confirmed, Source: guide + ", default encryption since 2023-01"},
			}},
		{Name: "PutBucketEncryption", Method: put, Path: path, Query: "encryption", Serve: s.putSetting(encryption()),
			Action: "s3:PutEncryptionConfiguration", Resources: bucketARN},
		{Name: "DeleteBucketEncryption", Method: del, Path: path, Query: "encryption", Serve: s.deleteSetting(encryption()),
			Action: "s3:PutEncryptionConfiguration", Resources: bucketARN},
		{Name: "GetPublicAccessBlock", Method: get, Path: path, Query: "publicAccessBlock", Serve: s.getSetting(publicAccessBlock()),
			Action: "s3:GetBucketPublicAccessBlock", Resources: bucketARN, Rules: []gateway.Rule{
				{Text: "all four settings are enabled in a new bucket", Basis: gateway.Confirmed, Source: guide + ", blocking public access " +
					"since 2023-04"},
			}},
		{Name: "PutPublicAccessBlock", Method: put, Path: path, Query: "publicAccessBlock", Serve: s.putSetting(publicAccessBlock()),
			Action: "s3:PutBucketPublicAccessBlock", Resources: bucketARN},
		{Name: "DeletePublicAccessBlock", Method: del, Path: path, Query: "publicAccessBlock", Serve: s.deleteSetting(publicAccessBlock()),
			Action: "s3:PutBucketPublicAccessBlock", Resources: bucketARN},
		{Name: "GetBucketOwnershipControls", Method: get, Path: path, Query: "ownershipControls", Serve: s.getSetting(ownershipControls()),
			Action: "s3:GetBucketOwnershipControls", Resources: bucketARN},
		{Name: "PutBucketOwnershipControls", Method: put, Path: path, Query: "ownershipControls", Serve: s.putSetting(ownershipControls()),
			Action: "s3:PutBucketOwnershipControls", Resources: bucketARN},
		{Name: "DeleteBucketOwnershipControls", Method: del, Path: path, Query: "ownershipControls", Serve: s.deleteSetting(ownershipControls()),
			Action: "s3:PutBucketOwnershipControls", Resources: bucketARN},
		{Name: "GetBucketPolicy", Method: get, Path: path, Query: "policy", Serve: s.getSetting(policy()), Action: "s3:GetBucketPolicy",
			Resources: bucketARN},
		{Name: "PutBucketPolicy", Method: put, Path: path, Query: "policy", Serve: s.putSetting(policy()), Action: "s3:PutBucketPolicy",
			Resources: bucketARN},
		{Name: "DeleteBucketPolicy", Method: del, Path: path, Query: "policy", Serve: s.deleteSetting(policy()), Action: "s3:DeleteBucketPolicy",
			Resources: bucketARN},
		{Name: "GetBucketTagging", Method: get, Path: path, Query: "tagging", Serve: s.getSetting(tagging()), Action: "s3:GetBucketTagging",
			Resources: bucketARN},
		{Name: "PutBucketTagging", Method: put, Path: path, Query: "tagging", Serve: s.putSetting(tagging()), Action: "s3:PutBucketTagging",
			Resources: bucketARN},
		{Name: "DeleteBucketTagging", Method: del, Path: path, Query: "tagging", Serve: s.deleteSetting(tagging()), Action: "s3:PutBucketTagging",
			Resources: bucketARN},
	}
}

// bucketsNotHere are known by their names.
func bucketsNotHere() []gateway.Operation {
	const path = bucketPath
	return []gateway.Operation{
		{Name: "GetBucketAccelerateConfiguration", Method: get, Path: path, Query: "accelerate"},
		{Name: "GetBucketAcl", Method: get, Path: path, Query: "acl"},
		{Name: "PutBucketAcl", Method: put, Path: path, Query: "acl"},
		{Name: "GetBucketCors", Method: get, Path: path, Query: "cors"},
		{Name: "PutBucketCors", Method: put, Path: path, Query: "cors"},
		{Name: "GetBucketLifecycleConfiguration", Method: get, Path: path, Query: "lifecycle"},
		{Name: "PutBucketLifecycleConfiguration", Method: put, Path: path, Query: "lifecycle"},
		{Name: "GetBucketLogging", Method: get, Path: path, Query: "logging"},
		{Name: "PutBucketLogging", Method: put, Path: path, Query: "logging"},
		{Name: "GetBucketNotificationConfiguration", Method: get, Path: path, Query: "notification"},
		{Name: "PutBucketNotificationConfiguration", Method: put, Path: path, Query: "notification"},
		{Name: "GetBucketPolicyStatus", Method: get, Path: path, Query: "policyStatus"},
		{Name: "GetBucketReplication", Method: get, Path: path, Query: "replication"},
		{Name: "GetBucketRequestPayment", Method: get, Path: path, Query: "requestPayment"},
		{Name: "GetBucketWebsite", Method: get, Path: path, Query: "website"},
		{Name: "GetObjectLockConfiguration", Method: get, Path: path, Query: "object-lock"},
		{Name: "ListMultipartUploads", Method: get, Path: path, Query: "uploads"},
		{Name: "ListObjectVersions", Method: get, Path: path, Query: "versions"},
	}
}

func (s *S3) objectOperations() []gateway.Operation {
	const path = "/{Bucket}/{Key+}"
	read := []gateway.Rule{
		{Text: "a request for a key that does not exist returns 404 NoSuchKey, or 403 without the permission " +
			"s3:ListBucket", Basis: gateway.Confirmed,
			Source: reference + ", GetObject"},
		{Text: "the headers Range (one range), If-Match, If-None-Match and If-Modified-Since are supported; the response has checksums if " +
			"x-amz-checksum-mode requests them",
			Basis: gateway.Confirmed, Source: reference + ", GetObject"},
	}
	return []gateway.Operation{
		{Name: "PutObject", Method: put, Path: path, Serve: s.putObject, Action: "s3:PutObject", Resources: objectARN, Rules: []gateway.Rule{
			{Text: "Content-MD5 and x-amz-checksum- (crc32, crc32c, crc64nvme, sha1, sha256) are verified; a mismatch is refused with 400 " +
				"BadDigest", Basis: gateway.Confirmed,
				Source: reference + ", PutObject"},
			{Text: "the headers If-None-Match: * and If-Match are supported; if the condition fails, the response is 412 " +
				"PreconditionFailed", Basis: gateway.Confirmed, Source: guide + ", conditional writes"},
		}},
		{Name: "GetObject", Method: get, Path: path, Serve: s.getObject, Action: "s3:GetObject", Resources: objectARN, Rules: read},
		{Name: "HeadObject", Method: http.MethodHead, Path: path, Serve: s.getObject, Action: "s3:GetObject", Resources: objectARN},
		{Name: "DeleteObject", Method: del, Path: path, Serve: s.deleteObject, Action: "s3:DeleteObject", Resources: objectARN,
			Rules: []gateway.Rule{
				{Text: "the response is 204 even if the object did not exist", Basis: gateway.Confirmed, Source: reference + ", DeleteObject"},
			}},
		{Name: "CreateMultipartUpload", Method: post, Path: path, Query: "uploads", Serve: s.createMultipartUpload, Action: "s3:PutObject",
			Resources: objectARN},
		{Name: "UploadPart", Method: put, Path: path, Query: "partNumber", Serve: s.uploadPart, Action: "s3:PutObject", Resources: objectARN},
		{Name: "CompleteMultipartUpload", Method: post, Path: path, Query: "uploadId", Serve: s.completeMultipartUpload, Action: "s3:PutObject",
			Resources: objectARN, Rules: []gateway.Rule{
				{Text: "parts are in ascending order and have at least 5 MiB, except the last; the ETag is the MD5 hash of the parts' MD5 " +
					"hashes, followed by a dash and the number of parts",
					Basis: gateway.Confirmed, Source: guide + ", multipart upload"},
				{Text: "an object has up to 128 MiB; a part that makes it larger is refused with 400 EntityTooLarge", Basis: gateway.Assumed,
					Source: "a limit of the local cloud; AWS's limit is much higher"},
				{Text: "the assembled object has no checksum", Basis: gateway.Assumed,
					Source: "a simplification of the local cloud: AWS stores a composite checksum"},
			}},
		{Name: "AbortMultipartUpload", Method: del, Path: path, Query: "uploadId", Serve: s.abortMultipartUpload,
			Action: "s3:AbortMultipartUpload", Resources: objectARN},

		{Name: "ListParts", Method: get, Path: path, Query: "uploadId"},
		{Name: "GetObjectAcl", Method: get, Path: path, Query: "acl"},
		{Name: "PutObjectAcl", Method: put, Path: path, Query: "acl"},
		{Name: "GetObjectAttributes", Method: get, Path: path, Query: "attributes"},
		{Name: "GetObjectLegalHold", Method: get, Path: path, Query: "legal-hold"},
		{Name: "GetObjectRetention", Method: get, Path: path, Query: "retention"},
		{Name: "GetObjectTagging", Method: get, Path: path, Query: "tagging"},
		{Name: "PutObjectTagging", Method: put, Path: path, Query: "tagging"},
		{Name: "DeleteObjectTagging", Method: del, Path: path, Query: "tagging"},
		{Name: "RestoreObject", Method: post, Path: path, Query: "restore"},
		{Name: "SelectObjectContent", Method: post, Path: path, Query: "select"},
	}
}
