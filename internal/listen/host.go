package listen

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Guard keeps web pages from what a server shows its machine. On a loopback address
// it answers 403 to a request whose Host is a name: a page's own name, which its
// owner points at 127.0.0.1 (DNS rebinding), would make the browser take the server
// for the page's. localhost, addresses and the names that are given are let through.
// On any address it refuses what a browser changes on behalf of another site.
func Guard(addr net.Addr, next http.Handler, names ...string) http.Handler {
	next = http.NewCrossOriginProtection().Handler(next)
	bound, err := netip.ParseAddrPort(addr.String())
	if err != nil || !bound.Addr().Unmap().IsLoopback() {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isLocal(r.Host, names) {
			http.Error(w, "use localhost or an IP address as the host name; this server accepts no other host names", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// isLocal reports whether a request's Host is no name, localhost or one of names.
func isLocal(host string, names []string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	if host == "" || host == "localhost" || slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, host) }) {
		return true
	}
	_, err := netip.ParseAddr(host)
	return err == nil
}
