// Package alertmanager is the alert manager of a workspace: AMP's definition file,
// and Prometheus' Alertmanager, which it configures.
package alertmanager

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/alertmanager/config"
	"github.com/prometheus/alertmanager/template"
	"go.yaml.in/yaml/v3"
)

// Definition is a definition file that AMP takes.
type Definition struct {
	Config    *config.Config
	Original  string            // alertmanager_config, as it was given
	Templates map[string]string // text of each template file, by its name
}

// ErrMalformed is what is no definition file at all: no YAML, or not of its form.
//
//lint:ignore ST1005 it is AWS's text
var ErrMalformed = errors.New("Malformed Alertmanager definition")

// ReadDefinition reads a definition file. An error that is no ErrMalformed says what AMP
// refuses of the configuration in it.
func ReadDefinition(data []byte) (*Definition, error) {
	var file struct {
		Templates map[string]string `yaml:"template_files"`
		Config    string            `yaml:"alertmanager_config"`
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil || strings.TrimSpace(file.Config) == "" {
		return nil, ErrMalformed
	}
	text, err := withoutSecrets(file.Config)
	if err != nil {
		return nil, err
	}
	d := &Definition{Original: file.Config, Templates: file.Templates}
	if d.Config, err = config.Load(text); err != nil {
		return nil, fmt.Errorf("alertmanager_config: %w", err)
	}
	return d, d.checkTemplates()
}

// checkTemplates parses the template files, and looks for those that the configuration names.
func (d *Definition) checkTemplates() error {
	for _, name := range d.Config.Templates {
		if _, ok := d.Templates[name]; !ok {
			return fmt.Errorf("templates: %q is not in template_files", name)
		}
	}
	_, err := d.template()
	return err
}

// template is all template files, over Alertmanager's own.
func (d *Definition) template() (*template.Template, error) {
	t, err := template.FromGlobs(nil)
	if err != nil {
		return nil, fmt.Errorf("could not read Alertmanager's templates: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(d.Templates)) {
		if err := t.Parse(strings.NewReader(d.Templates[name])); err != nil {
			return nil, fmt.Errorf("template_files: %s: %w", name, err)
		}
	}
	return t, nil
}

// withoutSecrets holds the receivers of a configuration against what AMP supports, and
// puts a text in the place of each reference to a secret, which Alertmanager does not know.
func withoutSecrets(text string) (string, error) {
	var all map[string]any
	if err := yaml.Unmarshal([]byte(text), &all); err != nil {
		return "", fmt.Errorf("alertmanager_config: %w", err)
	}
	receivers, _ := all["receivers"].([]any)
	for i, r := range receivers {
		receiver, _ := r.(map[string]any)
		name, _ := receiver["name"].(string)
		if name == "" {
			name = fmt.Sprintf("number %d", i+1)
		}
		if err := checkReceiver(receiver); err != nil {
			return "", fmt.Errorf("receiver %s: %w", name, err)
		}
	}
	changed, err := yaml.Marshal(all)
	if err != nil {
		return "", fmt.Errorf("could not encode alertmanager_config: %w", err)
	}
	return string(changed), nil
}

func checkReceiver(receiver map[string]any) error {
	for _, key := range slices.Sorted(maps.Keys(receiver)) {
		list, _ := receiver[key].([]any)
		var check func(map[string]any) error
		switch key {
		case "name":
			continue
		case "sns_configs":
			check = checkSNS
		case "pagerduty_configs":
			check = checkPagerDuty
		default:
			return fmt.Errorf("%s is not supported: receivers are sns_configs and pagerduty_configs", key)
		}
		for _, c := range list {
			one, _ := c.(map[string]any)
			if err := check(one); err != nil {
				return fmt.Errorf("%s: %w", key, err)
			}
		}
	}
	return nil
}

var topicPattern = regexp.MustCompile(`^arn:aws[a-z-]*:sns:([a-z0-9-]+):(\d{12}):[A-Za-z0-9_-]{1,256}$`)

func checkSNS(c map[string]any) error {
	for _, name := range []string{"api_url", "http_config"} {
		if _, there := c[name]; there {
			return fmt.Errorf("%s is not supported", name)
		}
	}
	sigv4, _ := c["sigv4"].(map[string]any)
	if region, _ := sigv4["region"].(string); region == "" {
		return errors.New("sigv4: region is required")
	}
	if topic, _ := c["topic_arn"].(string); !topicPattern.MatchString(topic) {
		return fmt.Errorf("topic_arn: %q is not the ARN of a standard topic", topic)
	}
	return nil
}

// checkPagerDuty wants the routing key to be a reference to AWS Secrets Manager.
func checkPagerDuty(c map[string]any) error {
	key, _ := c["routing_key"].(map[string]any)
	secret, _ := key["aws_secrets_manager"].(map[string]any)
	if arn, _ := secret["secret_arn"].(string); !strings.HasPrefix(arn, "arn:aws") || !strings.Contains(arn, ":secretsmanager:") {
		return errors.New("routing_key: aws_secrets_manager with a secret_arn is required")
	}
	c["routing_key"] = "secret"
	return nil
}
