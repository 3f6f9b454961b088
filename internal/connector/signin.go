package connector

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	amg "github.com/aws/aws-sdk-go-v2/service/grafana"
	"github.com/aws/aws-sdk-go-v2/service/grafana/types"
)

// accountPrefix begins the names of our service accounts; the time at which the
// run that made it must be over follows. After that it belongs to nobody.
const accountPrefix = "parascope-setup-until-"

const (
	defaultRun    = 5 * time.Minute // how long a run without a deadline may take
	signInWithin  = 10 * time.Second
	signOutWithin = 15 * time.Second
)

// account is a service account with a token, while Connect runs.
type account struct {
	workspaceID, id, name string
	token                 string // never printed
	until                 time.Time
}

// signIn makes a service account and a token that ends with the run. What runs
// that were killed left behind is deleted first.
func (c *Connector) signIn(ctx context.Context, workspaceID string) (*account, error) {
	if err := c.deleteLeftovers(ctx, workspaceID); err != nil {
		return nil, err
	}
	until := c.Now().Add(defaultRun)
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(until) {
		until = deadline
	}
	a := &account{workspaceID: workspaceID, until: until, name: accountPrefix + strconv.FormatInt(until.Unix(), 10) + "-" +
		strings.ToLower(rand.Text()[:6])}
	if err := c.createAccount(ctx, a); err != nil {
		return nil, explainQuota("create a service account in Grafana workspace "+workspaceID, err)
	}
	token, err := c.Grafana.CreateWorkspaceServiceAccountToken(ctx, &amg.CreateWorkspaceServiceAccountTokenInput{
		WorkspaceId: &workspaceID, ServiceAccountId: &a.id, Name: &a.name,
		SecondsToLive: aws.Int32(max(1, int32(until.Sub(c.Now()).Seconds())+1)),
	})
	if err != nil {
		return nil, errors.Join(explainQuota("create a token in Grafana workspace "+workspaceID, err), c.signOut(ctx, a))
	}
	a.token = aws.ToString(token.ServiceAccountToken.Key)
	return a, nil
}

// createAccount makes the account and learns its id: without it nobody could delete
// the account. So it goes on for a moment when ctx ends, and an answer that was lost
// on the way is made up for: the name is nobody else's, and a conflict means that an
// earlier try of the SDK's has made it.
func (c *Connector) createAccount(ctx context.Context, a *account) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), signInWithin)
	defer cancel()
	made, err := c.Grafana.CreateWorkspaceServiceAccount(ctx, &amg.CreateWorkspaceServiceAccountInput{
		WorkspaceId: &a.workspaceID, Name: &a.name, GrafanaRole: types.RoleAdmin,
	})
	if err == nil {
		a.id = aws.ToString(made.Id)
		return nil
	}
	if _, there := errors.AsType[*types.ConflictException](err); !there {
		return err
	}
	listErr := c.eachAccount(ctx, a.workspaceID, func(id, name string) error {
		if name == a.name {
			a.id, err = id, nil
		}
		return nil
	})
	return errors.Join(err, listErr)
}

// eachAccount calls f with every service account of the workspace.
func (c *Connector) eachAccount(ctx context.Context, workspaceID string, f func(id, name string) error) error {
	pages := amg.NewListWorkspaceServiceAccountsPaginator(c.Grafana, &amg.ListWorkspaceServiceAccountsInput{WorkspaceId: &workspaceID})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("could not list the service accounts of Grafana workspace %s: %w", workspaceID, err)
		}
		for _, a := range page.ServiceAccounts {
			if err := f(aws.ToString(a.Id), aws.ToString(a.Name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// signOut deletes the account, and its token with it, even when ctx has ended.
func (c *Connector) signOut(ctx context.Context, a *account) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), signOutWithin)
	defer cancel()
	if err := c.deleteAccount(ctx, a.workspaceID, a.id); err != nil {
		return fmt.Errorf("%w; the account's token expires at %s, and the next run deletes the account", err, a.until.UTC().Format(time.RFC3339))
	}
	return nil
}

// deleteLeftovers deletes service accounts of runs that are over. A run that is
// still going keeps its own: its name says until when.
func (c *Connector) deleteLeftovers(ctx context.Context, workspaceID string) error {
	return c.eachAccount(ctx, workspaceID, func(id, name string) error {
		if !isLeftover(name, c.Now()) {
			return nil
		}
		c.Logger.Info("deleting the service account of an interrupted run", "name", name)
		return c.deleteAccount(ctx, workspaceID, id)
	})
}

// isLeftover reports whether a service account is ours and its run is over.
func isLeftover(name string, now time.Time) bool {
	rest, ours := strings.CutPrefix(name, accountPrefix)
	stamp, _, _ := strings.Cut(rest, "-")
	until, err := strconv.ParseInt(stamp, 10, 64)
	return ours && err == nil && now.After(time.Unix(until, 0))
}

func (c *Connector) deleteAccount(ctx context.Context, workspaceID, id string) error {
	_, err := c.Grafana.DeleteWorkspaceServiceAccount(ctx, &amg.DeleteWorkspaceServiceAccountInput{WorkspaceId: &workspaceID,
		ServiceAccountId: &id})
	if _, gone := errors.AsType[*types.ResourceNotFoundException](err); gone {
		return nil // another run, or a person, was faster
	}
	if err != nil {
		return fmt.Errorf("could not delete service account %s of Grafana workspace %s: %w", id, workspaceID, err)
	}
	return nil
}

// explainQuota says what to do when the workspace is full: expired tokens count.
func explainQuota(doing string, err error) error {
	if _, full := errors.AsType[*types.ServiceQuotaExceededException](err); full {
		return fmt.Errorf("could not %s: %w; delete unused service accounts or tokens (expired tokens count): 'aws grafana "+
			"list-workspace-service-accounts' lists the accounts", doing, err)
	}
	return fmt.Errorf("could not %s: %w", doing, err)
}
