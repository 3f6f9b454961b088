package ec2

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

const maxTags = 50

// tagSpecification reads the tags for a new resource of this kind.
func (c *call) tagSpecification(k *kind) ([]tag, error) {
	var tags []tag
	for i := 1; ; i++ {
		at := "TagSpecification." + strconv.Itoa(i)
		if !c.Form.Has(at + ".ResourceType") {
			return tags, c.checkTags(tags)
		}
		if of := c.Form.Get(at + ".ResourceType"); of != k.name {
			return nil, failure("InvalidParameterValue", "'"+of+"' is not a valid taggable resource type for this operation.")
		}
		for _, t := range tagsOf(c.Form, at+".Tag") {
			tags = setTag(tags, t)
		}
	}
}

// checkTags refuses what AWS does. Keys of aws: are for AWS's own services, whose
// principals have no ARN.
func (c *call) checkTags(tags []tag) error {
	if len(tags) > maxTags {
		return failure("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.")
	}
	for _, t := range tags {
		switch {
		case strings.HasPrefix(strings.ToLower(t.Key), "aws:") && strings.HasPrefix(c.Principal.ARN, "arn:"):
			return failure("InvalidParameterValue", "Tag keys starting with 'aws:' are reserved for internal use")
		case t.Key == "" || utf8.RuneCountInString(t.Key) > 128:
			return failure("InvalidParameterValue", "Tag key exceeds the maximum length of 128 characters or is empty")
		case utf8.RuneCountInString(t.Value) > 256:
			return failure("InvalidParameterValue", "Tag value exceeds the maximum length of 256 characters")
		}
	}
	return nil
}

func setTag(tags []tag, t tag) []tag {
	if i := slices.IndexFunc(tags, func(old tag) bool { return old.Key == t.Key }); i >= 0 {
		tags[i] = t
		return tags
	}
	return append(tags, t)
}

// tagged is every resource's tags, by its id.
func (n *network) tagged() map[string]*[]tag {
	all := map[string]*[]tag{}
	for id, r := range n.VPCs {
		all[id] = &r.Tags
	}
	for id, r := range n.Subnets {
		all[id] = &r.Tags
	}
	for id, r := range n.Gateways {
		all[id] = &r.Tags
	}
	for id, r := range n.Addresses {
		all[id] = &r.Tags
	}
	for id, r := range n.NATs {
		all[id] = &r.Tags
	}
	for id, r := range n.RouteTables {
		all[id] = &r.Tags
	}
	for id, r := range n.Endpoints {
		all[id] = &r.Tags
	}
	for id, r := range n.Groups {
		all[id] = &r.Tags
	}
	return all
}

// tagsToChange are the tags of the resources that the request names.
func (c *call) tagsToChange() ([]*[]tag, error) {
	ids := listOf(c.Form, "ResourceId")
	if len(ids) == 0 {
		return nil, missing("ResourceId")
	}
	all := c.tagged()
	var found []*[]tag
	for _, id := range ids {
		tags, ok := all[id]
		if k := kindOf(id); !ok && k != nil {
			return nil, k.notFound(id)
		}
		if !ok {
			return nil, failure("InvalidID", "The ID '"+id+"' is not valid")
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
	added := tagsOf(c.Form, "Tag")
	if len(added) == 0 {
		return nil, missing("Tag")
	}
	for _, tags := range resources {
		for _, t := range added {
			*tags = setTag(*tags, t)
		}
		if err := c.checkTags(added); err != nil {
			return nil, err
		}
		if len(*tags) > maxTags {
			return nil, failure("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.")
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
	named := tagsOf(c.Form, "Tag")
	if err := c.checkTags(named); err != nil {
		return nil, err
	}
	withValue := map[string]bool{}
	for i := range named {
		withValue[named[i].Key] = c.Form.Has("Tag." + strconv.Itoa(i+1) + ".Value")
	}
	for _, tags := range resources {
		*tags = slices.DeleteFunc(*tags, func(t tag) bool {
			if len(named) == 0 {
				return !strings.HasPrefix(t.Key, "aws:")
			}
			return slices.ContainsFunc(named, func(n tag) bool { return n.Key == t.Key && (!withValue[n.Key] || n.Value == t.Value) })
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
	of := func(d described) attributes {
		return attributes{"resource-id": {d.Resource}, "resource-type": {d.Type}, "key": {d.Key}, "value": {d.Value}, "tag-key": {d.Key}, "tag:" + d.Key: {d.Value}}
	}
	filters, err := c.filtersOf(of(described{}))
	if err != nil {
		return nil, err
	}
	var answer struct {
		Tags []described `xml:"tagSet>item"`
	}
	all := c.tagged()
	for _, id := range slices.Sorted(maps.Keys(all)) {
		for _, t := range *all[id] {
			d := described{id, kindOf(id).name, t.Key, t.Value}
			if !slices.ContainsFunc(filters, func(f filter) bool { return !f.matches(of(d)) }) {
				answer.Tags = append(answer.Tags, d)
			}
		}
	}
	return answer, nil
}
