package sigv4

// Kind says why a request was not accepted. Each protocol has its own error code
// and status for each of them; see gateway.
type Kind int

const (
	Missing      Kind = iota + 1 // no signature at all
	Incomplete                   // a signature that cannot be read
	UnknownKey                   // access key or session token that nobody has
	TokenExpired                 // session over
	Expired                      // signed too long ago, or too far in the future
	Scope                        // signed for another date, region or service
	Mismatch                     // signed with another secret, or changed on the way
	Unsigned                     // a header of AWS's that the signature leaves out
)

// Failure is a signature that was refused, with the text AWS gives.
type Failure struct {
	Kind    Kind
	Message string
}

func (f *Failure) Error() string { return f.Message }
