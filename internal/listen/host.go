package listen

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Guard keeps web pages from what a server shows its machine. On a loopback address
// it answers 403 to a request whose Host is a name: a page's own name, which its
// owner points at 127.0.0.1 (DNS rebinding), would make the browser take the server
// for the page's. localhost, addresses and the names that are given are let through.
// On any address it refuses what a browser changes on behalf of another site.
func Guard(addr net.Addr, next http.Handler, names ...string) http.Handler {
	next = sameReferer(http.NewCrossOriginProtection().Handler(next))
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

// sameReferer refuses a change whose Referer is another site's, where the browser says
// nothing else of where it comes from.
func sameReferer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		referer := r.Header.Get("Referer")
		if referer != "" && r.Header.Get("Origin") == "" && r.Header.Get("Sec-Fetch-Site") == "" &&
			!slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodOptions}, r.Method) {
			if u, err := url.Parse(referer); err != nil || u.Host != r.Host {
				http.Error(w, "cross-origin request detected: the Referer is another site's", http.StatusForbidden)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// isLocal reports whether a request's Host is an address, localhost or one of names,
// in the form that a URL has it in, with a port or without; or empty, as in HTTP/1.0.
func isLocal(host string, names []string) bool {
	if _, err := netip.ParseAddrPort(host); err == nil {
		return !strings.Contains(host, "%") // a zone may have a name in it
	}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		addr, err := netip.ParseAddr(inner)
		return ok && err == nil && addr.Is6() && addr.Zone() == ""
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Zone() == ""
	}
	name, port, hasPort := strings.Cut(host, ":")
	if _, err := strconv.ParseUint(port, 10, 16); hasPort && err != nil {
		return false
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	return host == "" || name == "localhost" || slices.ContainsFunc(names, func(n string) bool { return strings.ToLower(n) == name })
}
