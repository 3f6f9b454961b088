package logs

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/state"
)

var groupName = regexp.MustCompile(`^[.\-_/#A-Za-z0-9]+$`)

// retentions are the days that a group can keep its events for.
func retentions() []int {
	return []int{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}
}

func (l *Logs) createLogGroup(w http.ResponseWriter, r *gateway.Request) error {
	var in struct {
		LogGroupName string
		Tags         map[string]string
	}
	if err := parse(r, &in); err != nil {
		return err
	}
	if len(in.LogGroupName) > 512 || !groupName.MatchString(in.LogGroupName) {
		return invalid(`1 validation error detected: Value '%s' at 'logGroupName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\.\-_/#A-Za-z0-9]+ and have length between 1 and 512`, in.LogGroupName)
	}
	g := group{Region: r.Region, Name: in.LogGroupName, CreatedAt: r.Now, Tags: in.Tags}
	if len(in.Tags) > 0 {
		if err := r.Authorize("logs:TagResource", g.arn(), nil); err != nil {
			return err
		}
	}
	err := l.opts.State.Update(func(tx *state.Tx) error {
		var old group
		if found, err := tx.Get(groupBucket, g.path(), &old); err != nil {
			return err
		} else if found {
			return refuse("ResourceAlreadyExistsException", "The specified log group already exists")
		}
		return tx.Put(groupBucket, g.path(), g)
	})
	if err != nil {
		return err
	}
	return gateway.WriteJSON(w, http.StatusOK, nil)
}

// change loads the group that the request names, lets f change it, and stores it.
func (l *Logs) change(r *gateway.Request, name string, f func(*group) error) error {
	return l.opts.State.Update(func(tx *state.Tx) error {
		g, err := find(tx, r, name)
		if err != nil {
			return err
		}
		if err := f(g); err != nil {
			return err
		}
		return tx.Put(groupBucket, g.path(), g)
	})
}

func (l *Logs) putRetentionPolicy(w http.ResponseWriter, r *gateway.Request) error {
	var in struct {
		LogGroupName    string
		RetentionInDays int
	}
	if err := parse(r, &in); err != nil {
		return err
	}
	if !slices.Contains(retentions(), in.RetentionInDays) {
		return invalid("1 validation error detected: Value '%d' at 'retentionInDays' failed to satisfy constraint: Member must satisfy enum "+
			"value set: %v", in.RetentionInDays, retentions())
	}
	return l.setRetention(w, r, in.LogGroupName, in.RetentionInDays)
}

func (l *Logs) deleteRetentionPolicy(w http.ResponseWriter, r *gateway.Request) error {
	var in struct{ LogGroupName string }
	if err := parse(r, &in); err != nil {
		return err
	}
	return l.setRetention(w, r, in.LogGroupName, 0)
}

func (l *Logs) setRetention(w http.ResponseWriter, r *gateway.Request, name string, days int) error {
	if err := l.change(r, name, func(g *group) error { g.Retention = days; return nil }); err != nil {
		return err
	}
	return gateway.WriteJSON(w, http.StatusOK, nil)
}

func (l *Logs) deleteLogGroup(w http.ResponseWriter, r *gateway.Request) error {
	var in struct{ LogGroupName string }
	if err := parse(r, &in); err != nil {
		return err
	}
	err := l.opts.State.Update(func(tx *state.Tx) error {
		g, err := find(tx, r, in.LogGroupName)
		if err != nil {
			return err
		}
		streams, err := streamsOf(tx, g)
		if err != nil {
			return err
		}
		for _, s := range streams {
			if err := tx.Delete(streamBucket, path(g.Region, g.Name, s.Name)); err != nil {
				return err
			}
		}
		if err := removeEvents(tx, g, func(*event) bool { return true }); err != nil {
			return err
		}
		return tx.Delete(groupBucket, g.path())
	})
	if err != nil {
		return err
	}
	return gateway.WriteJSON(w, http.StatusOK, nil)
}

const maxGroups = 50 // of a page, and the default

type describedGroup struct {
	LogGroupName      string `json:"logGroupName"`
	CreationTime      int64  `json:"creationTime"`
	RetentionInDays   int    `json:"retentionInDays,omitempty"`
	MetricFilterCount int    `json:"metricFilterCount"`
	ARN               string `json:"arn"`
	LogGroupARN       string `json:"logGroupArn"`
	StoredBytes       int64  `json:"storedBytes"`
	LogGroupClass     string `json:"logGroupClass"`
}

func (l *Logs) describeLogGroups(w http.ResponseWriter, r *gateway.Request) error {
	var in struct {
		LogGroupNamePrefix, LogGroupNamePattern, NextToken string
		Limit                                              int
	}
	if err := parse(r, &in); err != nil {
		return err
	}
	if in.LogGroupNamePrefix != "" && in.LogGroupNamePattern != "" {
		return invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
	}
	if in.Limit < 0 || in.Limit > maxGroups {
		return invalid("1 validation error detected: Value '%d' at 'limit' failed to satisfy constraint: Member must have value between 1 and %d",
			in.Limit, maxGroups)
	}
	limit := in.Limit
	if limit == 0 {
		limit = maxGroups
	}
	out := struct {
		LogGroups []describedGroup `json:"logGroups"`
		NextToken string           `json:"nextToken,omitempty"`
	}{LogGroups: []describedGroup{}}
	err := l.opts.State.View(func(tx *state.Tx) error {
		return tx.ForEach(groupBucket, func(_ string, decode func(any) error) error {
			var g group
			if err := decode(&g); err != nil {
				return err
			}
			if g.Region != r.Region || g.Name <= in.NextToken || !strings.HasPrefix(g.Name, in.LogGroupNamePrefix) ||
				!strings.Contains(g.Name, in.LogGroupNamePattern) {
				return nil
			}
			if n := len(out.LogGroups); n == limit {
				out.NextToken = out.LogGroups[n-1].LogGroupName
				return nil
			}
			out.LogGroups = append(out.LogGroups, describedGroup{
				LogGroupName: g.Name, CreationTime: g.CreatedAt.UnixMilli(), RetentionInDays: g.Retention,
				ARN: g.arn() + ":*", LogGroupARN: g.arn(), LogGroupClass: "STANDARD",
			})
			return nil
		})
	})
	if err != nil {
		return err
	}
	return gateway.WriteJSON(w, http.StatusOK, out)
}

func (l *Logs) listTagsForResource(w http.ResponseWriter, r *gateway.Request) error {
	var in named
	if err := parse(r, &in); err != nil {
		return err
	}
	tags := map[string]string{}
	err := l.opts.State.View(func(tx *state.Tx) error {
		g, err := find(tx, r, in.groupName())
		if err == nil {
			maps.Copy(tags, g.Tags)
		}
		return err
	})
	if err != nil {
		return err
	}
	return gateway.WriteJSON(w, http.StatusOK, map[string]any{"tags": tags})
}

func (l *Logs) tagResource(w http.ResponseWriter, r *gateway.Request) error {
	var in struct {
		named
		Tags map[string]string
	}
	if err := parse(r, &in); err != nil {
		return err
	}
	return l.retag(w, r, in.groupName(), func(tags map[string]string) { maps.Copy(tags, in.Tags) })
}

func (l *Logs) untagResource(w http.ResponseWriter, r *gateway.Request) error {
	var in struct {
		named
		TagKeys []string
	}
	if err := parse(r, &in); err != nil {
		return err
	}
	return l.retag(w, r, in.groupName(), func(tags map[string]string) {
		for _, key := range in.TagKeys {
			delete(tags, key)
		}
	})
}

const maxTags = 50

func (l *Logs) retag(w http.ResponseWriter, r *gateway.Request, name string, f func(map[string]string)) error {
	err := l.change(r, name, func(g *group) error {
		if g.Tags == nil {
			g.Tags = map[string]string{}
		}
		f(g.Tags)
		if len(g.Tags) > maxTags {
			return refuse("TooManyTagsException", "A resource can have no more than 50 tags")
		}
		return nil
	})
	if err != nil {
		return err
	}
	return gateway.WriteJSON(w, http.StatusOK, nil)
}
