// Package hostcheck keeps web pages of elsewhere from this machine's servers. A page
// can have its own name point to 127.0.0.1 and then reads what a server there
// answers, as the browser takes it for the page's own site (DNS rebinding). Its
// requests have that name in their Host header.
package hostcheck

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
)

// IsLocal reports whether a Host header, with or without a port, is an IP address,
// localhost, or a name below localhost: no other site can have these.
func IsLocal(host string) bool {
	name := withoutPort(host)
	return name == "localhost" || strings.HasSuffix(name, ".localhost") || net.ParseIP(name) != nil
}

// Handler passes on what is asked of this machine by its address, or by one of names,
// and answers 403 to the rest.
func Handler(next http.Handler, names ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !IsLocal(r.Host) && !slices.Contains(names, withoutPort(r.Host)) {
			http.Error(w, fmt.Sprintf("Use 127.0.0.1 or localhost as the host name. This server does not accept the host name %q.", r.Host),
				http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func withoutPort(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.Trim(host, "[]"))
}
