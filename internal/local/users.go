package local

import (
	"github.com/parascope/parascope"
	"github.com/parascope/parascope/localaws"
)

// Profiles of the keys that the local cloud hands out.
const (
	Operator = "operator" // may do everything
	Head     = "head"     // a head node's: sends metrics and does nothing else
	// Deployer brings the stack up: it may do what the deployer's policies say, and
	// nothing else.
	Deployer = "deployer"
)

// headName is the head node's user, and the role that its machine has.
const headName = "parascope-head"

func users() []localaws.User {
	return []localaws.User{
		{Name: Operator, Managed: localaws.AdministratorAccess},
		{Name: headName, Profile: Head, Managed: localaws.RemoteWriteAccess},
		{Name: Deployer, Policy: parascope.DeployerPolicy, Further: []string{parascope.DeployerAlertsPolicy}},
	}
}

// hints are the commands that mend what the local Grafana's pages find missing.
func hints() localaws.Hints {
	return localaws.Hints{
		AddUser:   func(email string) string { return "parascope users add " + email + ":viewer" },
		AddSource: "'parascope up' adds the Prometheus data source; 'parascope connect' repairs it and shows the errors.",
	}
}

func headRole() localaws.Role {
	return localaws.Role{Name: headName, Managed: localaws.RemoteWriteAccess}
}
