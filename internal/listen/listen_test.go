package listen_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/listen"
)

func TestTakenAddressNamesItsHolder(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "[::1]"} {
		l, err := listen.TCP(t.Context(), host+":0")
		if err != nil {
			t.Logf("%s: %v (no such address family here)", host, err)
			continue
		}
		defer l.Close()
		_, err = listen.TCP(t.Context(), l.Addr().String())
		if hint.CodeOf(err) != hint.Busy || !strings.Contains(err.Error(), fmt.Sprintf("(pid %d)", os.Getpid())) {
			t.Errorf("%s: code %d, error %v; want Busy and our own pid", host, hint.CodeOf(err), err)
		}
	}
}

func TestMalformedAddressIsAUsageError(t *testing.T) {
	for _, addr := range []string{"9100", "host:port:more"} {
		if _, err := listen.TCP(t.Context(), addr); hint.CodeOf(err) != hint.Usage {
			t.Errorf("%q: code %d, error %v; want Usage", addr, hint.CodeOf(err), err)
		}
	}
}
