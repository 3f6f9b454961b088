package cluster

import "strings"

// splitURL is the bucket and key of an s3:// address.
func splitURL(url string) (bucket, key string, ok bool) {
	rest, is := strings.CutPrefix(url, "s3://")
	bucket, key, ok = strings.Cut(rest, "/")
	return bucket, key, is && ok && bucket != "" && key != ""
}
