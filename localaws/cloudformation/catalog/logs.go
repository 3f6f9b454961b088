package catalog

const maxLogGroupName = 512

func logsLogGroup() Type {
	return Type{
		Name: "AWS::Logs::LogGroup",
		Properties: Properties{
			"LogGroupName": {Kind: Text, Replaces: true}, "RetentionInDays": {Kind: Whole}, "LogGroupClass": {Kind: Text}, "KmsKeyId": {Kind: Text},
			"Tags": {Kind: Tags},
		},
		Elsewhere:  []string{"DataProtectionPolicy", "DeletionProtectionEnabled", "FieldIndexPolicies", "ResourcePolicyDocument"},
		Attributes: []string{"Arn"},
		Create: func(w *Work) error {
			in := map[string]any{"logGroupName": w.Named("LogGroupName", maxLogGroupName)}
			for property, member := range map[string]string{"LogGroupClass": "logGroupClass", "KmsKeyId": "kmsKeyId"} {
				if w.Has(property) {
					in[member] = w.Text(property)
				}
			}
			if tags := tagMap(w.Properties["Tags"]); len(tags) > 0 {
				in["tags"] = tags
			}
			if _, err := w.Target("logs", "CreateLogGroup", in); err != nil {
				return err
			}
			name := in["logGroupName"].(string)
			w.Attributes["Arn"] = w.ARN("logs", "log-group:"+name+":*")
			if err := w.Made(name); err != nil {
				return err
			}
			return logRetention(w)
		},
		Update: func(w *Work) error {
			if w.Changed("RetentionInDays") {
				if err := logRetention(w); err != nil {
					return err
				}
			}
			set, removed := tagChanges(w)
			arn := w.ARN("logs", "log-group:"+w.ID)
			if len(set) > 0 {
				if _, err := w.Target("logs", "TagResource", map[string]any{"resourceArn": arn, "tags": set}); err != nil {
					return err
				}
			}
			if len(removed) == 0 {
				return nil
			}
			_, err := w.Target("logs", "UntagResource", map[string]any{"resourceArn": arn, "tagKeys": removed})
			return err
		},
		Delete: func(w *Work) error {
			_, err := w.Target("logs", "DeleteLogGroup", map[string]string{"logGroupName": w.ID})
			return err
		},
	}
}

// logRetention sets the group's retention, or takes it away.
func logRetention(w *Work) error {
	if w.Has("RetentionInDays") {
		_, err := w.Target("logs", "PutRetentionPolicy", map[string]any{"logGroupName": w.ID, "retentionInDays": w.Properties["RetentionInDays"]})
		return err
	}
	if w.Old["RetentionInDays"] == nil {
		return nil
	}
	_, err := w.Target("logs", "DeleteRetentionPolicy", map[string]string{"logGroupName": w.ID})
	return err
}
