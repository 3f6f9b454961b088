package resource

const maxLogGroupName = 512

func logsLogGroup() Type {
	return Type{
		Name: "AWS::Logs::LogGroup",
		Properties: Properties{
			"LogGroupName": {Kind: Text, Replaces: true}, "RetentionInDays": {Kind: Whole}, "LogGroupClass": {Kind: Text}, "KmsKeyId": {Kind: Text}, "Tags": {Kind: Tags},
		},
		Elsewhere:  []string{"DataProtectionPolicy", "DeletionProtectionEnabled", "FieldIndexPolicies", "ResourcePolicyDocument"},
		Attributes: []string{"Arn"},
		Create: func(w *Work) error {
			in := map[string]any{"logGroupName": w.named("LogGroupName", maxLogGroupName)}
			for property, member := range map[string]string{"LogGroupClass": "logGroupClass", "KmsKeyId": "kmsKeyId"} {
				if w.has(property) {
					in[member] = w.text(property)
				}
			}
			if tags := tagMap(w.Properties["Tags"]); len(tags) > 0 {
				in["tags"] = tags
			}
			if _, err := w.target("logs", "CreateLogGroup", in); err != nil {
				return err
			}
			name := in["logGroupName"].(string)
			w.Attributes["Arn"] = w.arn("logs", "log-group:"+name+":*")
			if err := w.made(name); err != nil {
				return err
			}
			return logRetention(w)
		},
		Update: func(w *Work) error {
			if w.changed("RetentionInDays") {
				if err := logRetention(w); err != nil {
					return err
				}
			}
			set, removed := w.tagChanges()
			arn := w.arn("logs", "log-group:"+w.ID)
			if len(set) > 0 {
				if _, err := w.target("logs", "TagResource", map[string]any{"resourceArn": arn, "tags": set}); err != nil {
					return err
				}
			}
			if len(removed) == 0 {
				return nil
			}
			_, err := w.target("logs", "UntagResource", map[string]any{"resourceArn": arn, "tagKeys": removed})
			return err
		},
		Delete: func(w *Work) error {
			_, err := w.target("logs", "DeleteLogGroup", map[string]string{"logGroupName": w.ID})
			return err
		},
	}
}

// logRetention sets the group's retention, or takes it away.
func logRetention(w *Work) error {
	if w.has("RetentionInDays") {
		_, err := w.target("logs", "PutRetentionPolicy", map[string]any{"logGroupName": w.ID, "retentionInDays": w.Properties["RetentionInDays"]})
		return err
	}
	if w.Old["RetentionInDays"] == nil {
		return nil
	}
	_, err := w.target("logs", "DeleteRetentionPolicy", map[string]string{"logGroupName": w.ID})
	return err
}
