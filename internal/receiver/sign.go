package receiver

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/aws/smithy-go/logging"
	"github.com/aws/smithy-go/middleware"

	"github.com/parascope/parascope/internal/hint"
)

const (
	// renewBefore is how long before their end credentials are fetched anew, or a
	// fifth of their life if that is less.
	renewBefore = 2 * time.Minute
	// distrustAfter is how old credentials must be to be fetched anew because a
	// receiver refused them: lanes that are refused together ask once.
	distrustAfter = 5 * time.Second
	// fetchTimeout bounds the instance metadata service, STS or a process.
	fetchTimeout = 10 * time.Second
)

// errNoCredentials is in the error of a request that could not be signed.
var errNoCredentials = errors.New("no AWS credentials")

// SigV4 is a sigv4 section of a Prometheus configuration. What is empty comes
// from the SDK's default chain.
type SigV4 struct {
	Region, AccessKey, SecretKey, Profile string
	RoleARN, ExternalID, SessionName      string
	Tags                                  map[string]string // of the role's session
	UseFIPSSTSEndpoint                    bool
	ServiceName                           string // empty: aps
}

// Signer signs requests as the sigv4 section says. It keeps the credentials and
// fetches them again in good time, when they were refused, and until there are
// any: shared files are read anew each time, which the SDK does not do.
type Signer struct {
	section SigV4
	region  string
	service string
	v4      *v4.Signer

	mu      sync.Mutex
	creds   aws.Credentials
	fetched time.Time
	renew   time.Time // when to fetch; zero if they do not end
}

// NewSigner makes a signer without asking for credentials: a machine that has no
// role yet must scrape and queue until it has. What the section lacks of a region
// is an error.
func NewSigner(ctx context.Context, section SigV4) (*Signer, error) {
	s := &Signer{section: section, region: section.Region, service: section.ServiceName, v4: v4.NewSigner()}
	if s.service == "" {
		s.service = "aps"
	}
	if s.region == "" {
		cfg, err := awsconfig.LoadDefaultConfig(ctx, s.options()...)
		if err == nil && cfg.Region == "" {
			err = errors.New("region is not configured in sigv4 or in the default credentials chain")
		}
		if err != nil {
			return nil, hint.New(hint.BadInput, fmt.Errorf("remote_write's sigv4: %w", err), "set sigv4: {region: REGION} in the "+
				"remote_write section")
		}
		s.region = cfg.Region
	}
	return s, nil
}

func (s *Signer) options() []func(*awsconfig.LoadOptions) error {
	fips := aws.FIPSEndpointStateDisabled
	if s.section.UseFIPSSTSEndpoint {
		fips = aws.FIPSEndpointStateEnabled
	}
	opts := []func(*awsconfig.LoadOptions) error{awsconfig.WithLogger(logging.Nop{}), awsconfig.WithUseFIPSEndpoint(fips),
		awsconfig.WithAPIOptions([]func(*middleware.Stack) error{BoundAnswers})}
	if s.section.AccessKey != "" {
		opts = append(opts, awsconfig.WithCredentialsProvider(
			credentials.NewStaticCredentialsProvider(s.section.AccessKey, s.section.SecretKey, "")))
	}
	if s.section.Profile != "" {
		opts = append(opts, awsconfig.WithSharedConfigProfile(s.section.Profile))
	}
	if s.region != "" {
		opts = append(opts, awsconfig.WithRegion(s.region))
	}
	return opts
}

// sign adds the Authorization header for a body with the given hash. now is the
// receiver's time. It returns the credentials it signed with, for distrust.
func (s *Signer) sign(ctx context.Context, req *http.Request, body []byte, now time.Time) (aws.Credentials, error) {
	creds, err := s.credentials(ctx, now)
	if err != nil {
		return creds, err
	}
	cleanPath(req.URL)
	sum := sha256.Sum256(body)
	if err := s.v4.SignHTTP(ctx, creds, req, hex.EncodeToString(sum[:]), s.service, s.region, now); err != nil {
		return creds, fmt.Errorf("could not sign request: %w", err)
	}
	return creds, nil
}

// cleanPath takes double slashes and dots out of a path, as AWS asks of what is signed
// and as the library does that Prometheus signs with: whoever joins an endpoint that
// ends in a slash with a path writes two. A slash at the end stays.
func cleanPath(u *url.URL) {
	cleaned := path.Clean(u.Path)
	if cleaned == "." {
		return
	}
	if cleaned != "/" && strings.HasSuffix(u.Path, "/") {
		cleaned += "/"
	}
	u.Path = cleaned
}

// credentials returns what is valid now, fetching it if needed. One lane fetches
// while the others wait.
func (s *Signer) credentials(ctx context.Context, now time.Time) (aws.Credentials, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.creds.HasKeys() && (s.renew.IsZero() || now.Before(s.renew)) {
		return s.creds, nil
	}
	fresh, err := s.fetch(ctx)
	if err != nil {
		if s.creds.HasKeys() && s.creds.CanExpire && now.Before(s.creds.Expires) {
			s.renew = now.Add(distrustAfter)
			return s.creds, nil
		}
		return aws.Credentials{}, fmt.Errorf("%w: %w", errNoCredentials, err)
	}
	s.creds, s.fetched, s.renew = fresh, now, time.Time{}
	if fresh.CanExpire {
		window := min(renewBefore, fresh.Expires.Sub(now)/5)
		// A service may give out the old ones until shortly before their end.
		if s.renew = fresh.Expires.Add(-window); s.renew.Before(now.Add(time.Second)) {
			s.renew = now.Add(time.Second)
		}
	}
	return fresh, nil
}

func (s *Signer) fetch(ctx context.Context) (aws.Credentials, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	cfg, err := awsconfig.LoadDefaultConfig(ctx, s.options()...)
	if err != nil {
		return aws.Credentials{}, err
	}
	provider := cfg.Credentials
	if s.section.RoleARN != "" {
		provider = stscreds.NewAssumeRoleProvider(sts.NewFromConfig(cfg), s.section.RoleARN, s.assume)
	}
	return provider.Retrieve(ctx)
}

func (s *Signer) assume(o *stscreds.AssumeRoleOptions) {
	if s.section.ExternalID != "" {
		o.ExternalID = aws.String(s.section.ExternalID)
	}
	if s.section.SessionName != "" {
		o.RoleSessionName = s.section.SessionName
	}
	for k, v := range s.section.Tags {
		o.Tags = append(o.Tags, ststypes.Tag{Key: aws.String(k), Value: aws.String(v)})
	}
}

// distrust makes the next request fetch credentials anew, because a receiver
// refused those that were used.
func (s *Signer) distrust(used aws.Credentials, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if used.AccessKeyID == s.creds.AccessKeyID && used.SessionToken == s.creds.SessionToken && now.Sub(s.fetched) >= distrustAfter {
		s.renew = time.Unix(0, 0)
	}
}
