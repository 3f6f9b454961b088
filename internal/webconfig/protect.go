package webconfig

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
	"sync"

	"golang.org/x/crypto/bcrypt"
)

// verified remembers the last password that was right, so that bcrypt, which is slow by
// design, costs a node once and not at each scrape.
type verified struct {
	mu   sync.Mutex
	last [sha256.Size]byte
}

// nobody is the hash that an unknown user's password is compared with: it costs as much
// time as a known user's and never counts as right.
const nobody = "$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy"

// Protect wraps a handler so that only the file's users reach it, at the rate and with
// the headers that it says.
func (f *File) Protect(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f.limiter != nil && !f.limiter.Allow() {
			http.Error(w, http.StatusText(http.StatusTooManyRequests), http.StatusTooManyRequests)
			return
		}
		c := f.current()
		for name, value := range c.HTTP.Headers {
			w.Header().Set(name, value)
		}
		if len(c.Users) > 0 {
			user, password, ok := r.BasicAuth()
			if !ok || !f.verified.isRight(c.Users, user, password) {
				w.Header().Set("WWW-Authenticate", "Basic")
				http.Error(w, http.StatusText(http.StatusUnauthorized), http.StatusUnauthorized)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

func (v *verified) isRight(users map[string]string, user, password string) bool {
	hash, known := users[user]
	if !known {
		hash = nobody
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %s %d %s %s", len(user), user, len(password), password, hash))
	v.mu.Lock() // one at a time: passwords that are tried cost one processor at most
	defer v.mu.Unlock()
	if known && subtle.ConstantTimeCompare(sum[:], v.last[:]) == 1 {
		return true
	}
	if err := bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)); err != nil || !known {
		return false
	}
	v.last = sum
	return true
}
