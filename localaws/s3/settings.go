package s3

import (
	"encoding/json"
	"encoding/xml"
	"net/http"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/state"
)

// setting is a document that a bucket has: it is stored as it was put.
type setting struct {
	name    string // subresource: "encryption"
	root    string // element that the document is; "" for JSON
	initial string // what AWS gives a new bucket; "" for nothing
	deleted string // what there is after a deletion; "" for nothing
	code    string // error when there is nothing
	message string
}

func versioning() setting {
	const none = `<VersioningConfiguration xmlns="` + xmlns + `"/>`
	return setting{name: "versioning", root: "VersioningConfiguration", initial: none, deleted: none}
}

func encryption() setting {
	const sse = `<ServerSideEncryptionConfiguration xmlns="` + xmlns + `"><Rule><ApplyServerSideEncryptionByDefault>` +
		`<SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault><BucketKeyEnabled>false</BucketKeyEnabled></Rule></ServerSideEncryptionConfiguration>`
	return setting{name: "encryption", root: "ServerSideEncryptionConfiguration", initial: sse, deleted: sse}
}

func publicAccessBlock() setting {
	return setting{
		name: "publicAccessBlock", root: "PublicAccessBlockConfiguration",
		initial: `<PublicAccessBlockConfiguration xmlns="` + xmlns +
			`"><BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>true</IgnorePublicAcls>` +
			`<BlockPublicPolicy>true</BlockPublicPolicy><RestrictPublicBuckets>true</RestrictPublicBuckets></PublicAccessBlockConfiguration>`,
		code: "NoSuchPublicAccessBlockConfiguration", message: "The public access block configuration was not found",
	}
}

func ownershipControls() setting {
	return setting{
		name: "ownershipControls", root: "OwnershipControls",
		initial: `<OwnershipControls xmlns="` + xmlns +
			`"><Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule></OwnershipControls>`,
		code: "OwnershipControlsNotFoundError", message: "The bucket ownership controls were not found",
	}
}

func tagging() setting {
	return setting{name: "tagging", root: "Tagging", code: "NoSuchTagSet", message: "The TagSet does not exist"}
}

func policy() setting {
	return setting{name: "policy", code: "NoSuchBucketPolicy", message: "The bucket policy does not exist"}
}

// check refuses what is no document of the setting.
func (d setting) check(body []byte) error {
	if d.root == "" {
		var document struct{ Statement json.RawMessage }
		if json.Unmarshal(body, &document) != nil || document.Statement == nil {
			return refuse(http.StatusBadRequest, "MalformedPolicy", "Policies must be valid JSON and the first byte must be '{'")
		}
		return nil
	}
	var document struct{ XMLName xml.Name }
	if xml.Unmarshal(body, &document) != nil || document.XMLName.Local != d.root {
		return malformed()
	}
	return nil
}

func (s *S3) getSetting(d setting) func(http.ResponseWriter, *gateway.Request) error {
	return func(w http.ResponseWriter, r *gateway.Request) error {
		b, err := s.visible(r)
		if err != nil {
			return err
		}
		document, changed := b.Settings[d.name]
		switch {
		case !changed:
			document = d.initial
		case document == "":
			document = d.deleted
		}
		if document == "" {
			return refuse(http.StatusNotFound, d.code, d.message)
		}
		kind := "application/xml"
		if d.root == "" {
			kind = "application/json"
		}
		w.Header().Set("Content-Type", kind)
		w.Write([]byte(document)) // an error means that the client is gone
		return nil
	}
}

func (s *S3) putSetting(d setting) func(http.ResponseWriter, *gateway.Request) error {
	return func(w http.ResponseWriter, r *gateway.Request) error {
		if _, err := checksums(r); err != nil {
			return err
		}
		if err := d.check(r.Body); err != nil {
			return err
		}
		status := http.StatusOK
		if d.root == "" {
			status = http.StatusNoContent
		}
		return s.set(w, r, d, string(r.Body), status)
	}
}

func (s *S3) deleteSetting(d setting) func(http.ResponseWriter, *gateway.Request) error {
	return func(w http.ResponseWriter, r *gateway.Request) error {
		return s.set(w, r, d, "", http.StatusNoContent)
	}
}

func (s *S3) set(w http.ResponseWriter, r *gateway.Request, d setting, document string, status int) error {
	if _, err := s.visible(r); err != nil {
		return err
	}
	err := s.opts.State.Update(func(tx *state.Tx) error {
		var b bucket
		if found, err := tx.Get(bucketBucket, r.Labels["Bucket"], &b); err != nil {
			return err
		} else if !found {
			return noSuchBucket()
		}
		if b.Settings == nil {
			b.Settings = map[string]string{}
		}
		b.Settings[d.name] = document
		return tx.Put(bucketBucket, b.Name, b)
	})
	if err != nil {
		return err
	}
	return gateway.WriteXML(w, status, nil)
}
