package catalog

import (
	"encoding/xml"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

const maxBucketName = 63

func s3Bucket() Type {
	flags := func(names ...string) Properties {
		p := Properties{}
		for _, n := range names {
			p[n] = Property{Kind: Flag}
		}
		return p
	}
	return Type{
		Name: "AWS::S3::Bucket",
		Properties: Properties{
			"BucketName": {Kind: Text, Replaces: true},
			"PublicAccessBlockConfiguration": {Kind: Structure, Members: flags("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls",
				"RestrictPublicBuckets")},
			"VersioningConfiguration": {Kind: Structure, Members: Properties{"Status": {Kind: Text, Required: true}}},
			"OwnershipControls": {Kind: Structure,
				Members: Properties{"Rules": {Kind: Structures, Required: true, Members: Properties{"ObjectOwnership": {Kind: Text}}}}},
			"BucketEncryption": {Kind: Structure,
				Members: Properties{"ServerSideEncryptionConfiguration": {Kind: Structures, Required: true, Members: Properties{
					"BucketKeyEnabled": {Kind: Flag},
					"ServerSideEncryptionByDefault": {Kind: Structure, Members: Properties{"SSEAlgorithm": {Kind: Text, Required: true},
						"KMSMasterKeyID": {Kind: Text}}},
				}}}},
			"Tags": {Kind: Tags},
		},
		Elsewhere: []string{
			"AbacStatus", "AccelerateConfiguration", "AccessControl", "AnalyticsConfigurations", "BucketNamePrefix", "BucketNamespace",
			"CorsConfiguration", "IntelligentTieringConfigurations",
			"InventoryConfigurations", "LifecycleConfiguration", "LoggingConfiguration", "MetadataConfiguration", "MetadataTableConfiguration",
			"MetricsConfigurations",
			"NotificationConfiguration", "ObjectLockConfiguration", "ObjectLockEnabled", "ReplicationConfiguration", "WebsiteConfiguration",
		},
		Attributes: []string{"Arn", "DomainName", "RegionalDomainName"},
		Create:     createBucket,
		Update:     bucketSettings,
		Delete: func(w *Work) error {
			return w.REST("s3", "DeleteBucket", "/"+url.PathEscape(w.ID), nil, nil)
		},
	}
}

func createBucket(w *Work) error {
	name := w.Text("BucketName")
	if name == "" {
		name = strings.ToLower(w.NewName(maxBucketName))
	}
	var in any
	if w.Stack.Region != "us-east-1" {
		in = "<CreateBucketConfiguration><LocationConstraint>" + w.Stack.Region + "</LocationConstraint></CreateBucketConfiguration>"
	}
	if err := w.REST("s3", "CreateBucket", "/"+url.PathEscape(name), in, nil); err != nil {
		return err
	}
	w.Attributes["Arn"] = "arn:aws:s3:::" + name
	w.Attributes["DomainName"] = name + ".s3.amazonaws.com"
	w.Attributes["RegionalDomainName"] = name + ".s3." + w.Stack.Region + ".amazonaws.com"
	if err := w.Made(name); err != nil {
		return err
	}
	return bucketSettings(w)
}

// bucketSettings puts the settings that differ from the old ones, or takes away
// those that are gone.
func bucketSettings(w *Work) error {
	path := "/" + url.PathEscape(w.ID)
	for _, s := range []struct{ property, put, del, query, body string }{
		{"PublicAccessBlockConfiguration", "PutPublicAccessBlock", "DeletePublicAccessBlock", "publicAccessBlock",
			bucketXML(w, "PublicAccessBlockConfiguration", "")},
		{"VersioningConfiguration", "PutBucketVersioning", "", "versioning", bucketXML(w, "VersioningConfiguration", "")},
		{"OwnershipControls", "PutBucketOwnershipControls", "DeleteBucketOwnershipControls", "ownershipControls",
			bucketXML(w, "OwnershipControls", "Rule")},
		{"BucketEncryption", "PutBucketEncryption", "DeleteBucketEncryption", "encryption", bucketXML(w, "BucketEncryption", "Rule")},
		{"Tags", "PutBucketTagging", "DeleteBucketTagging", "tagging", taggingXML(tagMap(w.Properties["Tags"]))},
	} {
		var err error
		switch {
		case !w.Changed(s.property):
		case w.Has(s.property):
			err = w.REST("s3", s.put, path+"?"+s.query, s.body, nil)
		case s.del != "":
			err = w.REST("s3", s.del, path+"?"+s.query, nil, nil)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// bucketXML is a setting in S3's form. The API's documents have the properties'
// member names; lists stand in the document as elements called item.
func bucketXML(w *Work, property, item string) string {
	root := property
	if property == "BucketEncryption" {
		root = "ServerSideEncryptionConfiguration"
	}
	settings, _ := w.Properties[property].(map[string]any)
	var b strings.Builder
	writeXML(&b, root, settings, item)
	return b.String()
}

func writeXML(b *strings.Builder, name string, v any, item string) {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			writeXML(b, item, x, item)
		}
		return
	case map[string]any:
		b.WriteString("<" + name + ">")
		// S3's schema has ApplyServerSideEncryptionByDefault where the property is shorter.
		for _, k := range slices.Sorted(maps.Keys(v)) {
			member := k
			if k == "ServerSideEncryptionByDefault" {
				member = "ApplyServerSideEncryptionByDefault"
			}
			writeXML(b, member, v[k], item)
		}
	default:
		b.WriteString("<" + name + ">")
		xml.EscapeText(b, []byte(fmt.Sprint(v))) // a strings.Builder takes everything
	}
	b.WriteString("</" + name + ">")
}

func taggingXML(tags map[string]string) string {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		writeXML(&b, "Tag", map[string]any{"Key": k, "Value": tags[k]}, "")
	}
	return "<Tagging><TagSet>" + b.String() + "</TagSet></Tagging>"
}
