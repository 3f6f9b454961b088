package s3

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"net/http"
	"strings"

	"github.com/parascope/parascope/localaws/gateway"
)

// nvme is CRC-64/NVME's polynomial, reversed as Go's tables want it.
const nvme = 0x9a6c9329ac4bc9b5

const checksumHeader = "X-Amz-Checksum-"

// digest is the hash that a header x-amz-checksum-… names, nil for one that S3 does not have.
func digest(algorithm string) hash.Hash {
	switch strings.ToUpper(algorithm) {
	case "CRC32":
		return crc32.NewIEEE()
	case "CRC32C":
		return crc32.New(crc32.MakeTable(crc32.Castagnoli))
	case "CRC64NVME":
		return crc64.New(crc64.MakeTable(nvme))
	case "SHA1":
		return sha1.New()
	case "SHA256":
		return sha256.New()
	}
	return nil
}

// checksums verifies what the client says of the body, and returns the
// x-amz-checksum- headers to give back with it.
func checksums(r *gateway.Request) (map[string]string, error) {
	if claimed := r.Header.Get("Content-MD5"); claimed != "" {
		sum := md5.Sum(r.Body)
		want, err := base64.StdEncoding.DecodeString(claimed)
		switch {
		case err != nil || len(want) != len(sum):
			return nil, refuse(http.StatusBadRequest, "InvalidDigest", "The Content-MD5 you specified was invalid.")
		case !bytes.Equal(want, sum[:]):
			return nil, refuse(http.StatusBadRequest, "BadDigest", "The Content-MD5 you specified did not match what we received.")
		}
	}
	given := map[string]string{}
	for name, values := range r.Header {
		algorithm, ok := strings.CutPrefix(name, checksumHeader)
		if !ok {
			continue
		}
		h := digest(algorithm)
		if h == nil {
			continue // x-amz-checksum-type, -mode, -algorithm
		}
		h.Write(r.Body) // a hash's Write never fails
		if base64.StdEncoding.EncodeToString(h.Sum(nil)) != values[0] {
			return nil, refuse(http.StatusBadRequest, "BadDigest",
				"The "+strings.ToUpper(algorithm)+" you specified did not match the calculated checksum.")
		}
		given[name] = values[0]
	}
	return given, nil
}
