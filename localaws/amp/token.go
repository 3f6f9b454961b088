package amp

import (
	"strings"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/state"
)

const (
	tokenBucket    = "amp-client-tokens" // bucket: region/method path/token → spent
	maxClientToken = 64
)

// spent remembers what a client token was used for: the same request again does
// nothing new.
type spent struct {
	Request     string // decoded and encoded again, so that two spellings of it are equal
	WorkspaceID string
}

// recall finds what the token was spent on before. For another request it is a conflict.
func recall(tx *state.Tx, r *gateway.Request, token, request string) (before spent, again bool, err error) {
	if token == "" {
		return spent{}, false, nil
	}
	found, err := tx.Get(tokenBucket, tokenKey(r, token), &before)
	if err != nil || !found {
		return spent{}, false, err
	}
	if before.Request != request {
		return spent{}, false, conflict(before.WorkspaceID, "The client token was already used for a request with other parameters.")
	}
	return before, true, nil
}

// spend remembers a token, if there is one.
func spend(tx *state.Tx, r *gateway.Request, token string, what spent) error {
	if token == "" {
		return nil
	}
	return tx.Put(tokenBucket, tokenKey(r, token), what)
}

func tokenKey(r *gateway.Request, token string) string {
	return r.Region + "/" + r.Method + " " + r.URL.Path + "/" + token
}

func checkToken(token string) error {
	graphic := !strings.ContainsFunc(token, func(c rune) bool { return c < '!' || c > '~' })
	if len(token) > maxClientToken || !graphic {
		return invalid("clientToken", "must be 1 to %d characters of [!-~]", maxClientToken)
	}
	return nil
}
