// Package conntrack stands in for github.com/mwitkow/go-conntrack, of which Prometheus'
// HTTP client uses the four functions here. The module counts connections in Prometheus'
// default registry, which no program of ours serves, and keeps them for a debug page of
// golang.org/x/net/trace. That page is an html/template, with which the linker keeps every
// exported method of every type: 6 MB of AWS clients in the head. Here connections are
// dialled, and nothing else: also by whom a context names, as some of Prometheus'
// discoveries have no option for it.
package conntrack

import (
	"context"
	"net"
)

type (
	dial   = func(ctx context.Context, network, address string) (net.Conn, error)
	option func(*dial)
)

// DialWithTracing does nothing: there is no debug page.
func DialWithTracing() option { return func(*dial) {} }

// DialWithName does nothing: connections are not counted.
func DialWithName(string) option { return func(*dial) {} }

// DialWithDialContextFunc dials by f.
func DialWithDialContextFunc(f dial) option { return func(d *dial) { *d = f } }

type contextKey struct{}

// WithDialer returns a context whose requests have their connections dialled by f, if the
// client has no function of its own. The module that this one stands in for has no such function.
func WithDialer(ctx context.Context, f func(ctx context.Context, network, address string) (net.Conn, error)) context.Context {
	return context.WithValue(ctx, contextKey{}, dial(f))
}

// NewDialContextFunc returns the function that the options name, or that of the context, or
// net.Dialer's.
func NewDialContextFunc(options ...option) dial {
	d := func(ctx context.Context, network, address string) (net.Conn, error) {
		if f, ok := ctx.Value(contextKey{}).(dial); ok {
			return f(ctx, network, address)
		}
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
	for _, o := range options {
		o(&d)
	}
	return d
}
