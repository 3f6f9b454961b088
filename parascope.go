// Package parascope is the root of the module: complete managed monitoring for
// an AWS ParallelCluster. The program is cmd/parascope; docs/layout.md traces
// it from main. The tests beside this file keep the repository's own rules.
package parascope
