package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/parascope/parascope/internal/amg"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/identity"
	"github.com/parascope/parascope/internal/people"
	"github.com/parascope/parascope/localaws"
)

// firstRoles are those of the first people, in their order.
var firstRoles = [...]amg.Role{"ADMIN", "EDITOR", "VIEWER"}

// teamFile says that the first people have had their roles: from then on the roles
// are the user's to change, and no start gives them again.
func teamFile(dataDir string) string { return filepath.Join(dataDir, "roles-given") }

// firstTeam are those who get a role at this start: at the first one the first
// three people, as long as they exist, and nobody later.
func (o Options) firstTeam(ctx context.Context, cfg aws.Config) ([]people.Want, error) {
	if !o.withGrafana() {
		return nil, nil
	}
	if _, err := os.Stat(teamFile(o.DataDir)); err == nil {
		return nil, nil
	} else if !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("could not read the users' roles: %w", err)
	}
	emails, err := localaws.ReadPeople(o.Cloud.People.Seed)
	if err != nil {
		return nil, err
	}
	directory, err := identity.Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	var team []people.Want
	for i, email := range emails[:min(len(emails), len(firstRoles))] {
		_, err := directory.Find(ctx, email)
		if hint.CodeOf(err) == hint.NotFound {
			continue
		}
		if err != nil {
			return nil, err
		}
		team = append(team, people.Want{Who: email, Role: firstRoles[i]})
	}
	return team, nil
}

// noteTeam keeps later starts from giving the roles again.
func (o Options) noteTeam() error {
	if err := os.WriteFile(teamFile(o.DataDir), nil, 0o600); err != nil {
		return fmt.Errorf("could not record that the users' roles were assigned: %w", err)
	}
	return nil
}
