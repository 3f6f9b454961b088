// Package environment reads and writes the file of environment variables that is sourced
// before pcluster.
package environment

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/parascope/parascope/internal/cluster/words"
	"github.com/parascope/parascope/internal/hint"
)

// File is the file that the guide's reader sources before pcluster: the cluster's name, its
// region, and what else the configuration needs. This package alone knows its form.
type File struct {
	ClusterName string
	Region      string
	Others      []Variable // in the file's order
}

// Variable is an environment variable.
type Variable struct{ Name, Value string }

const (
	nameVariable   = "CLUSTER_NAME"
	regionVariable = "AWS_REGION"
)

// FileName is the name of a cluster's file.
func FileName(clusterName string) string {
	return "environment-variables-" + clusterName + ".sh"
}

// Text is the file: POSIX sh, safe to source whatever the values are. It fails for a
// name that is none, and for a value with a NUL, which no environment can hold.
func (e File) Text() (string, error) {
	var b strings.Builder
	b.WriteString("# Environment of cluster " + words.Printable(e.ClusterName) + ", written by parascope. To use it, run: . " +
		words.Printable(FileName(e.ClusterName)) + "\n")
	for _, v := range e.variables() {
		if !isVariable(v.Name) {
			return "", fmt.Errorf("%q is not a valid environment variable name", v.Name)
		}
		if strings.ContainsRune(v.Value, 0) {
			return "", fmt.Errorf("the value of %s has a NUL byte", v.Name)
		}
		fmt.Fprintf(&b, "export %s=%s\n", v.Name, words.Quote(v.Value))
	}
	return b.String(), nil
}

func (e File) variables() []Variable {
	return append([]Variable{{nameVariable, e.ClusterName}, {regionVariable, e.Region}}, e.Others...)
}

func isVariable(name string) bool {
	for i, r := range name {
		if r != '_' && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != ""
}

// Read reads a file that Text wrote. Anything else in it is an error with
// exit code BadInput: it is read, never run.
func Read(file string) (File, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return File{}, hint.New(hint.BadInput, fmt.Errorf("could not read the cluster's environment: %w", err),
			"'parascope cluster new' writes the file")
	}
	e, err := Parse(string(b))
	if err != nil {
		return e, hint.New(hint.BadInput, fmt.Errorf("%s: %w", file, err),
			"use a file that 'parascope cluster new' wrote; no line of this file was run")
	}
	return e, nil
}

// Parse reads the text of such a file.
func Parse(text string) (e File, err error) {
	var seen []string
	for line := 1; text != ""; line++ {
		if rest, ok := strings.CutPrefix(text, "#"); ok {
			_, text, _ = strings.Cut(rest, "\n")
			continue
		}
		rest, isExport := strings.CutPrefix(text, "export ")
		name, rest, ok := strings.Cut(rest, "='")
		if !isExport || !ok || !isVariable(name) || slices.Contains(seen, name) {
			return e, fmt.Errorf("entry %d is not of the form export NAME='VALUE', or repeats a name", line)
		}
		value, rest, err := unquote(rest)
		if err != nil {
			return e, fmt.Errorf("%s: %w", name, err)
		}
		seen, text = append(seen, name), rest
		switch name {
		case nameVariable:
			e.ClusterName = value
		case regionVariable:
			e.Region = value
		default:
			e.Others = append(e.Others, Variable{name, value})
		}
	}
	if !slices.Contains(seen, nameVariable) || !slices.Contains(seen, regionVariable) {
		return e, errors.New(nameVariable + " or " + regionVariable + " is missing")
	}
	return e, nil
}

// unquote reads up to the quote that ends a value and the end of its line.
func unquote(text string) (value, rest string, err error) {
	var b strings.Builder
	for {
		part, after, ok := strings.Cut(text, "'")
		if !ok {
			return "", "", errors.New("a quote is not closed")
		}
		b.WriteString(part)
		if next, ok := strings.CutPrefix(after, `\''`); ok {
			b.WriteByte('\'')
			text = next
			continue
		}
		if after != "" && after[0] != '\n' {
			return "", "", errors.New("unexpected text follows the value")
		}
		return b.String(), strings.TrimPrefix(after, "\n"), nil
	}
}
