package principal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Profile is one section of AWS's shared configuration files.
type Profile struct {
	Name string
	Key  AccessKey
}

// WriteSharedFiles writes dir/credentials and dir/config, in the format of the
// AWS CLI and the SDKs and readable for nobody else.
func WriteSharedFiles(dir, region string, profiles []Profile) error {
	var credentials, config strings.Builder
	for _, p := range profiles {
		fmt.Fprintf(&credentials, "[%s]\naws_access_key_id = %s\naws_secret_access_key = %s\n\n", p.Name, p.Key.ID, p.Key.Secret)
		fmt.Fprintf(&config, "[profile %s]\nregion = %s\n\n", p.Name, region)
	}
	err := os.MkdirAll(dir, 0o700)
	if err == nil {
		err = errors.Join(
			os.WriteFile(filepath.Join(dir, "credentials"), []byte(credentials.String()), 0o600),
			os.WriteFile(filepath.Join(dir, "config"), []byte(config.String()), 0o600))
	}
	if err != nil {
		return fmt.Errorf("could not write AWS credentials files: %w", err)
	}
	return nil
}
