// Package conntrack stands in for github.com/mwitkow/go-conntrack, of which Prometheus'
// HTTP client uses the four functions here. The module counts connections in Prometheus'
// default registry, which no program of ours serves, and keeps them for a debug page of
// golang.org/x/net/trace. That page is an html/template, with which the linker keeps every
// exported method of every type: 6 MB of AWS clients in the head. Here connections are
// dialled, and nothing else.
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

// NewDialContextFunc returns the function that the options name, or net.Dialer's.
func NewDialContextFunc(options ...option) dial {
	d := (&net.Dialer{}).DialContext
	for _, o := range options {
		o(&d)
	}
	return d
}
