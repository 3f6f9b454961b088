package ec2

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/parascope/parascope/localaws/ec2/network"
	"github.com/parascope/parascope/localaws/ec2/query"
)

const maxTags = 50

// tagSpecification reads the tags for a new resource of this kind.
func (c *call) tagSpecification(k *network.Kind) ([]query.Tag, error) {
	var tags []query.Tag
	for _, s := range query.Specifications(c.Form) {
		if s.ResourceType != k.Name {
			return nil, query.Failure("InvalidParameterValue", "'"+s.ResourceType+"' is not a valid taggable resource type for this operation.")
		}
		for _, t := range s.Tags {
			tags = setTag(tags, t)
		}
	}
	return tags, c.checkTags(tags)
}

// checkTags refuses what AWS does. Keys of aws: are for AWS's own services, whose
// principals have no ARN.
func (c *call) checkTags(tags []query.Tag) error {
	if len(tags) > maxTags {
		return query.Failure("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.")
	}
	for _, t := range tags {
		switch {
		case strings.HasPrefix(strings.ToLower(t.Key), "aws:") && strings.HasPrefix(c.Principal.ARN, "arn:"):
			return query.Failure("InvalidParameterValue", "Tag keys starting with 'aws:' are reserved for internal use")
		case t.Key == "" || utf8.RuneCountInString(t.Key) > 128:
			return query.Failure("InvalidParameterValue", "Tag key exceeds the maximum length of 128 characters or is empty")
		case utf8.RuneCountInString(t.Value) > 256:
			return query.Failure("InvalidParameterValue", "Tag value exceeds the maximum length of 256 characters")
		}
	}
	return nil
}

func setTag(tags []query.Tag, t query.Tag) []query.Tag {
	if i := slices.IndexFunc(tags, func(old query.Tag) bool { return old.Key == t.Key }); i >= 0 {
		tags[i] = t
		return tags
	}
	return append(tags, t)
}

// tagsToChange are the tags of the resources that the request names.
func (c *call) tagsToChange() ([]*[]query.Tag, error) {
	ids := query.List(c.Form, "ResourceId")
	if len(ids) == 0 {
		return nil, query.Missing("ResourceId")
	}
	all := c.Tagged()
	var found []*[]query.Tag
	for _, id := range ids {
		tags, ok := all[id]
		if k := network.KindOf(id); !ok && k != nil {
			return nil, k.NotFound(id)
		}
		if !ok {
			return nil, query.Failure("InvalidID", "The ID '"+id+"' is not valid")
		}
		found = append(found, tags)
	}
	return found, nil
}

func (c *call) createTags() (any, error) {
	resources, err := c.tagsToChange()
	if err != nil {
		return nil, err
	}
	added := query.Tags(c.Form, "Tag")
	if len(added) == 0 {
		return nil, query.Missing("Tag")
	}
	for _, tags := range resources {
		for _, t := range added {
			*tags = setTag(*tags, t)
		}
		if err := c.checkTags(added); err != nil {
			return nil, err
		}
		if len(*tags) > maxTags {
			return nil, query.Failure("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.")
		}
	}
	return done{true}, nil
}

// deleteTags takes the named tags away, those with a value only where it is the
// tag's; without any it takes all but AWS's own.
func (c *call) deleteTags() (any, error) {
	resources, err := c.tagsToChange()
	if err != nil {
		return nil, err
	}
	named := query.Tags(c.Form, "Tag")
	if err := c.checkTags(named); err != nil {
		return nil, err
	}
	withValue := map[string]bool{}
	for i := range named {
		withValue[named[i].Key] = c.Form.Has("Tag." + strconv.Itoa(i+1) + ".Value")
	}
	for _, tags := range resources {
		*tags = slices.DeleteFunc(*tags, func(t query.Tag) bool {
			if len(named) == 0 {
				return !strings.HasPrefix(t.Key, "aws:")
			}
			return slices.ContainsFunc(named, func(n query.Tag) bool { return n.Key == t.Key && (!withValue[n.Key] || n.Value == t.Value) })
		})
	}
	return done{true}, nil
}

func (c *call) describeTags() (any, error) {
	type described struct {
		Resource string `xml:"resourceId"`
		Type     string `xml:"resourceType"`
		Key      string `xml:"key"`
		Value    string `xml:"value"`
	}
	of := func(d described) query.Attributes {
		return query.Attributes{"resource-id": {d.Resource}, "resource-type": {d.Type}, "key": {d.Key}, "value": {d.Value}, "tag-key": {d.Key},
			"tag:" + d.Key: {d.Value}}
	}
	filters, err := query.ParseFilters(c.Form, of(described{}))
	if err != nil {
		return nil, err
	}
	var answer struct {
		Tags []described `xml:"tagSet>item"`
	}
	all := c.Tagged()
	for _, id := range slices.Sorted(maps.Keys(all)) {
		for _, t := range *all[id] {
			d := described{id, network.KindOf(id).Name, t.Key, t.Value}
			if filters.Match(of(d)) {
				answer.Tags = append(answer.Tags, d)
			}
		}
	}
	return answer, nil
}
