// Package api stands in for a module that only tests of a dependency import.
package api
