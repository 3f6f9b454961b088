package gateway

import (
	"fmt"
	"strings"
)

// Markdown describes services from their tables: every operation, whether it is
// implemented, and every rule with how it is known.
func Markdown(services []Service) string {
	var b strings.Builder
	for _, s := range services {
		fmt.Fprintf(&b, "## %s (`%s`)\n\nSigning name `%s`, API version %s.\n\n", s.Title, s.Name, s.SigningName, s.Version)
		writeRules(&b, s.Rules)
		b.WriteString("| Operation | Request | Here |\n|---|---|---|\n")
		for _, op := range s.Operations {
			request := "`Action=" + op.Name + "`"
			switch s.Protocol {
			case JSON11, JSON10:
				request = "`X-Amz-Target: " + s.TargetPrefix + "." + op.Name + "`"
			case RESTJSON, PrometheusHTTP, RESTXML, CBOR:
				request = "`" + op.Method + " " + op.Path + "`"
				if op.Query != "" {
					request = "`" + op.Method + " " + op.Path + "?" + op.Query + "`"
				}
			}
			here := "yes"
			if op.Serve == nil {
				here = "501"
			}
			fmt.Fprintf(&b, "| %s | %s | %s |\n", op.Name, request, here)
		}
		b.WriteString("\n")
		for _, op := range s.Operations {
			if len(op.Rules) > 0 {
				fmt.Fprintf(&b, "### %s\n\n", op.Name)
				writeRules(&b, op.Rules)
			}
		}
	}
	return b.String()
}

func writeRules(b *strings.Builder, rules []Rule) {
	if len(rules) == 0 {
		return
	}
	b.WriteString("| Behaviour | Known | From |\n|---|---|---|\n")
	cell := strings.NewReplacer("|", `\|`, "\n", " ")
	for _, r := range rules {
		fmt.Fprintf(b, "| %s | %s | %s |\n", cell.Replace(r.Text), r.Basis, cell.Replace(r.Source))
	}
	b.WriteString("\n")
}
