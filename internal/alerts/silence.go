package alerts

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"sort"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/parascope/parascope/internal/amp"
	"github.com/parascope/parascope/internal/hint"
)

// Silence is one of the alert manager's that has not ended.
type Silence struct {
	ID       string    `json:"id"`
	Matchers []string  `json:"matchers"`
	Ends     time.Time `json:"endsAt"`
	By       string    `json:"createdBy"`
	Comment  string    `json:"comment"`
}

// Quiet is a silence that is asked for.
type Quiet struct {
	Matchers []string // NAME=VALUE, NAME!=VALUE, NAME=~REGEX, NAME!~REGEX; a word alone is an alert's name
	From     time.Time
	For      time.Duration
	By       string
	Comment  string
}

var matcherShape = regexp.MustCompile(`^([a-zA-Z_][a-zA-Z0-9_]*)(=~|!~|!=|=)(.*)$`)

// ReadMatchers reads matchers as people write them.
func ReadMatchers(texts []string) ([]amp.Matcher, error) {
	var all []amp.Matcher
	narrow := false
	for _, text := range texts {
		parts := matcherShape.FindStringSubmatch(text)
		if parts == nil && !strings.ContainsAny(text, `=!~"{}, `) && text != "" {
			parts = []string{"", "alertname", "=", text}
		}
		if parts == nil {
			return nil, hint.New(hint.BadInput, fmt.Errorf("%q is not a matcher", text),
				"write the name of an alert, or LABEL=VALUE, LABEL!=VALUE, LABEL=~REGEX or LABEL!~REGEX")
		}
		m := amp.Matcher{Name: parts[1], Value: strings.Trim(parts[3], `"`), IsRegex: strings.HasSuffix(parts[2], "~"),
			IsEqual: !strings.HasPrefix(parts[2], "!")}
		if m.IsRegex {
			if _, err := regexp.Compile("^(?:" + m.Value + ")$"); err != nil {
				return nil, hint.New(hint.BadInput, fmt.Errorf("matcher %q: %w", text, err), "correct the regular expression")
			}
		}
		// Alertmanager takes no silence whose matchers all match the empty value.
		narrow = narrow || m.IsEqual && m.Value != "" && !(m.IsRegex && regexp.MustCompile("^(?:"+m.Value+")$").MatchString(""))
		all = append(all, m)
	}
	if !narrow {
		return nil, hint.New(hint.BadInput, errors.New("the matchers match all alerts"),
			"name an alert, or a label with the value that it must have")
	}
	return all, nil
}

// Mute makes a silence and returns its id.
func Mute(ctx context.Context, cfg aws.Config, at Place, q Quiet) (id string, err error) {
	matchers, err := ReadMatchers(q.Matchers)
	if err != nil {
		return "", err
	}
	client, err := amp.NewAlertClient(cfg, at.Endpoint)
	if err != nil {
		return "", err
	}
	id, err = client.Silence(ctx, amp.Silence{Matchers: matchers, StartsAt: q.From.UTC(), EndsAt: q.From.Add(q.For).UTC(), CreatedBy: q.By,
		Comment: q.Comment})
	if err != nil {
		return "", fmt.Errorf("could not create the silence: %w", err)
	}
	return id, nil
}

// Unmute ends a silence.
func Unmute(ctx context.Context, cfg aws.Config, at Place, id string) error {
	client, err := amp.NewAlertClient(cfg, at.Endpoint)
	if err != nil {
		return err
	}
	if err := client.EndSilence(ctx, id); err != nil {
		return fmt.Errorf("could not end silence %s: %w", id, err)
	}
	return nil
}

// Silences are those that have not ended, by their ends.
func Silences(ctx context.Context, cfg aws.Config, at Place) ([]Silence, error) {
	client, err := amp.NewAlertClient(cfg, at.Endpoint)
	if err != nil {
		return nil, err
	}
	held, err := client.Silences(ctx)
	if err != nil {
		return nil, fmt.Errorf("could not list the silences: %w", err)
	}
	all := []Silence{}
	for _, s := range held {
		if s.Status != nil && s.Status.State == "expired" {
			continue
		}
		one := Silence{ID: s.ID, Ends: s.EndsAt.UTC(), By: s.CreatedBy, Comment: s.Comment}
		for _, m := range s.Matchers {
			one.Matchers = append(one.Matchers, m.String())
		}
		all = append(all, one)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Ends.Before(all[j].Ends) }) // slices.SortFunc adds 16 kB for this type
	return all, nil
}
