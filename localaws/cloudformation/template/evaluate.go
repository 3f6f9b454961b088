package template

import (
	"encoding/base64"
	"math/big"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// noValue is what Ref AWS::NoValue gives: what holds it drops it.
type noValue struct{}

// maxText bounds what a template may unfold to when functions repeat their input.
const maxText = 4 << 20

// eval is the value with its functions replaced by what they give.
func (s *Scope) eval(v any) (any, error) {
	if name, arg, ok := function(v); ok {
		return s.call(name, arg)
	}
	switch v := v.(type) {
	case []any:
		out := make([]any, 0, len(v))
		for _, x := range v {
			y, err := s.eval(x)
			if err != nil {
				return nil, err
			}
			if y != (noValue{}) {
				out = append(out, y)
			}
		}
		return out, nil
	case map[string]any:
		out := make(map[string]any, len(v))
		for _, k := range sortedKeys(v) {
			y, err := s.eval(v[k])
			if err != nil {
				return nil, err
			}
			if y != any(noValue{}) {
				out[k] = y
			}
		}
		return out, nil
	}
	return v, nil
}

func (s *Scope) call(name string, arg any) (any, error) {
	switch name {
	case "Ref":
		return s.ref(arg.(string))
	case "Fn::Sub":
		return s.sub(arg)
	case "Fn::If":
		l := arg.([]any)
		yes, err := s.named(l[0].(string))
		switch {
		case err != nil:
			return nil, err
		case yes:
			return s.eval(l[1])
		}
		return s.eval(l[2])
	case "Fn::Base64":
		text, err := s.text(name, arg)
		return base64.StdEncoding.EncodeToString([]byte(text)), err
	case "Fn::GetAZs":
		return s.zones(arg)
	}
	evaluated, err := s.eval(arg)
	if err != nil {
		return nil, err
	}
	l, _ := evaluated.([]any)
	if err := checkShape(name, evaluated); err != nil {
		return nil, err // NoValue may have taken an argument away
	}
	switch name {
	case "Fn::GetAtt":
		attribute, ok := l[1].(string)
		if !ok {
			return nil, checkShape(name, nil)
		}
		return s.around.Attribute(l[0].(string), attribute)
	case "Fn::Join":
		return joined(l)
	case "Fn::Split":
		return splitted(l)
	case "Fn::Select":
		return selected(l)
	case "Fn::FindInMap":
		return s.find(l)
	case "Fn::Cidr":
		return cidrs(l)
	}
	return nil, checkShape(name, arg)
}

func (s *Scope) ref(name string) (any, error) {
	if name == NoValue {
		return noValue{}, nil
	}
	if p, ok := s.t.Parameters[name]; ok {
		return p.value(s.parameters[name]), nil
	}
	if name == "AWS::NotificationARNs" {
		return []any{}, nil
	}
	if v, ok := s.around.Pseudo[name]; ok {
		return v, nil
	}
	return s.around.Ref(name)
}

// text evaluates an argument that must come out as a string.
func (s *Scope) text(function string, arg any) (string, error) {
	v, err := s.eval(arg)
	if err != nil {
		return "", err
	}
	text, ok := v.(string)
	if !ok {
		return "", refuse("Template error: every %s object must have a String-typed value.", function)
	}
	return text, nil
}

func (s *Scope) sub(arg any) (any, error) {
	format, variables, _ := subParts(arg)
	own, err := s.eval(variables)
	if err != nil {
		return nil, err
	}
	mapped, _ := own.(map[string]any)
	var b strings.Builder
	rest := 0
	for _, at := range subVariable.FindAllStringSubmatchIndex(format, -1) {
		b.WriteString(format[rest:at[0]])
		rest = at[1]
		name := format[at[2]:at[3]]
		if literal, ok := strings.CutPrefix(name, "!"); ok {
			b.WriteString("${" + literal + "}")
			continue
		}
		v, err := s.variable(strings.TrimSpace(name), mapped)
		if err != nil {
			return nil, err
		}
		text, ok := v.(string)
		if !ok || b.Len() > maxText {
			return nil, refuse("Template error: Fn::Sub: ${%s} is not a string", name)
		}
		b.WriteString(text)
	}
	b.WriteString(format[rest:])
	return b.String(), nil
}

func (s *Scope) variable(name string, own map[string]any) (any, error) {
	if v, ok := own[name]; ok {
		return v, nil
	}
	if resource, attribute, dotted := strings.Cut(name, "."); dotted {
		return s.around.Attribute(resource, attribute)
	}
	return s.ref(name)
}

func (s *Scope) zones(arg any) (any, error) {
	region, err := s.text("Fn::GetAZs", arg)
	if err != nil {
		return nil, err
	}
	if region == "" {
		region = s.around.Pseudo["AWS::Region"]
	}
	names, err := s.around.Zones(region)
	if err != nil {
		return nil, err
	}
	out := []any{}
	for _, n := range names {
		out = append(out, n)
	}
	return out, nil
}

func (s *Scope) find(l []any) (any, error) {
	var names [3]string
	for i := range names {
		name, ok := l[i].(string)
		if !ok {
			return nil, checkShape("Fn::FindInMap", nil)
		}
		names[i] = name
	}
	v, ok := s.t.Mappings[names[0]][names[1]][names[2]]
	if !ok {
		return nil, refuse("Template error: Unable to get mapping for %s::%s::%s", names[0], names[1], names[2])
	}
	return v, nil
}

func joined(l []any) (any, error) {
	parts, ok := l[1].([]any)
	if !ok {
		return nil, checkShape("Fn::Join", nil)
	}
	var b strings.Builder
	for i, p := range parts {
		text, ok := p.(string)
		if !ok || b.Len() > maxText {
			return nil, checkShape("Fn::Join", nil)
		}
		if i > 0 {
			b.WriteString(l[0].(string))
		}
		b.WriteString(text)
	}
	return b.String(), nil
}

func splitted(l []any) (any, error) {
	text, ok := l[1].(string)
	if !ok {
		return nil, checkShape("Fn::Split", nil)
	}
	out := []any{}
	for part := range strings.SplitSeq(text, l[0].(string)) {
		out = append(out, part)
	}
	return out, nil
}

func selected(l []any) (any, error) {
	from, isList := l[1].([]any)
	text, isText := l[0].(string)
	index, err := strconv.Atoi(text)
	if !isList || !isText || err != nil {
		return nil, checkShape("Fn::Select", nil)
	}
	if index < 0 || index >= len(from) {
		if slices.ContainsFunc(from, isUnknown) {
			return Unknown, nil
		}
		return nil, refuse("Template error: Fn::Select  cannot select nonexistent value at index %d", index)
	}
	return from[index], nil
}

func isUnknown(v any) bool {
	text, ok := v.(string)
	return ok && strings.Contains(text, Unknown)
}

// maxCidrs is how many blocks Fn::Cidr gives at most.
const maxCidrs = 256

// cidrs are the first blocks of a network: Fn::Cidr [block, count, host bits].
func cidrs(l []any) (any, error) {
	var fields [3]string
	for i, v := range l {
		text, ok := v.(string)
		if !ok {
			return nil, checkShape("Fn::Cidr", nil)
		}
		fields[i] = text
	}
	count, err := strconv.Atoi(fields[1])
	if err != nil || count < 1 || count > maxCidrs {
		return nil, refuse("Template error: Fn::Cidr count must be between 1 and %d", maxCidrs)
	}
	if isUnknown(fields[0]) {
		return slices.Repeat([]any{Unknown}, count), nil
	}
	block, err := netip.ParsePrefix(fields[0])
	if err != nil {
		return nil, refuse("Template error: Fn::Cidr: %s is not a CIDR block", fields[0])
	}
	width := block.Addr().BitLen()
	hostBits := 8
	if width == 128 {
		hostBits = 64
	}
	if fields[2] != "" {
		if hostBits, err = strconv.Atoi(fields[2]); err != nil || hostBits < 1 || hostBits > width {
			return nil, refuse("Template error: Fn::Cidr host bits must be between 1 and %d", width)
		}
	}
	if room := width - hostBits - block.Bits(); room < 0 || room < 16 && count > 1<<room {
		return nil, refuse("Template error: Fn::Cidr: %s has no room for %d blocks with %d host bits", fields[0], count, hostBits)
	}
	out := []any{}
	base := new(big.Int).SetBytes(block.Masked().Addr().AsSlice())
	for i := range count {
		at := new(big.Int).Lsh(big.NewInt(int64(i)), uint(hostBits))
		addr, _ := netip.AddrFromSlice(at.Add(at, base).FillBytes(make([]byte, width/8)))
		out = append(out, netip.PrefixFrom(addr, width-hostBits).String())
	}
	return out, nil
}
