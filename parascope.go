// Package parascope is the root of the module: complete managed monitoring for
// an AWS ParallelCluster. The program is cmd/parascope; docs/layout.md traces it
// from main. Here is only what lies at the root and goes into the program; the
// tests beside this file keep the repository's own rules.
package parascope

import _ "embed"

// Template is the CloudFormation template of the infrastructure stack, as it lies
// in the repository: without a place for the setup function.
//
//go:embed parallelcluster-infrastructure.yaml
var Template string

// DeployerPolicy and DeployerAlertsPolicy are the least that a person needs to bring the
// stack up, add people and take it down: two documents, since a managed policy has at most
// 6,144 characters. docs/iam/README.md says why for each statement.
//
//go:embed docs/iam/deployer-policy.json
var DeployerPolicy string

//go:embed docs/iam/deployer-alerts.json
var DeployerAlertsPolicy string

// NodeUnit is the node program's unit, as it lies in packaging.
//
//go:embed packaging/parascope-node.service
var NodeUnit string
