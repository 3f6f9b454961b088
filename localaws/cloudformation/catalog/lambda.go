package catalog

import (
	"archive/zip"
	"bytes"
	"fmt"
	"net/url"
	"strings"

	"github.com/parascope/parascope/localaws/cloudformation/resource"
)

const (
	functionsPath   = "/2015-03-31/functions"
	maxFunctionName = 64
)

func lambdaFunction() Type {
	return Type{
		Name: "AWS::Lambda::Function",
		Properties: Properties{
			"Code": {Kind: Structure, Required: true, Members: Properties{
				"S3Bucket": {Kind: Text}, "S3Key": {Kind: Text}, "S3ObjectVersion": {Kind: Text}, "ZipFile": {Kind: Text},
			}},
			"Role": {Kind: Text, Required: true}, "FunctionName": {Kind: Text, Replaces: true}, "PackageType": {Kind: Text, Replaces: true},
			"Runtime": {Kind: Text}, "Handler": {Kind: Text}, "Description": {Kind: Text}, "Timeout": {Kind: Whole}, "MemorySize": {Kind: Whole},
			"Architectures": {Kind: Texts}, "Environment": {Kind: Structure, Members: Properties{"Variables": {Kind: Free}}}, "Tags": {Kind: Tags},
			"EphemeralStorage": {Kind: Structure, Members: Properties{"Size": {Kind: Whole, Required: true}}},
			"LoggingConfig": {Kind: Structure, Members: Properties{
				"LogFormat": {Kind: Text}, "LogGroup": {Kind: Text}, "ApplicationLogLevel": {Kind: Text}, "SystemLogLevel": {Kind: Text},
			}},
		},
		Elsewhere: []string{
			"CapacityProviderConfig", "CodeSigningConfigArn", "DeadLetterConfig", "DurableConfig", "FileSystemConfigs", "FunctionScalingConfig",
			"ImageConfig", "KmsKeyArn", "Layers",
			"PublishToLatestPublished", "RecursiveLoop", "ReservedConcurrentExecutions", "RuntimeManagementConfig", "SnapStart", "TenancyConfig",
			"TracingConfig", "VpcConfig",
		},
		Attributes: []string{"Arn"},
		Create:     createFunction, Update: updateFunction,
		Delete: func(w *Work) error { return w.REST("lambda", "DeleteFunction", functionPath(w), nil, nil) },
	}
}

func functionPath(w *Work) string { return functionsPath + "/" + url.PathEscape(w.ID) }

// functionSettings are the members that CreateFunction and
// UpdateFunctionConfiguration share: they have the properties' names.
func functionSettings(w *Work) map[string]any {
	in := map[string]any{}
	for _, name := range []string{"Role", "Runtime", "Handler", "Description", "Timeout", "MemorySize", "Environment", "EphemeralStorage",
		"LoggingConfig"} {
		if w.Has(name) {
			in[name] = w.Properties[name]
		}
	}
	return in
}

// functionCode is the Code member of the API.
func functionCode(w *Work) (map[string]any, error) {
	code, _ := w.Properties["Code"].(map[string]any)
	source, inline := code["ZipFile"].(string)
	if !inline {
		return code, nil
	}
	file := ""
	switch runtime := w.Text("Runtime"); {
	case strings.HasPrefix(runtime, "nodejs"):
		file = "index.js"
	case strings.HasPrefix(runtime, "python"):
		file = "index.py"
	default:
		return nil, &resource.Failure{Message: "ZipFile can only be used when Runtime is set to a nodejs or python runtime",
			HandlerCode: "InvalidRequest"}
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	f, err := z.Create(file)
	if err == nil {
		_, err = f.Write([]byte(source))
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("could not zip inline code: %w", err)
	}
	return map[string]any{"ZipFile": b.Bytes()}, nil
}

func createFunction(w *Work) error {
	code, err := functionCode(w)
	if err != nil {
		return err
	}
	in := functionSettings(w)
	in["Code"], in["FunctionName"] = code, w.Named("FunctionName", maxFunctionName)
	for _, name := range []string{"Architectures", "PackageType"} {
		if w.Has(name) {
			in[name] = w.Properties[name]
		}
	}
	if w.Has("Tags") {
		in["Tags"] = tagMap(w.Properties["Tags"])
	}
	var out struct{ FunctionARN string }
	if err := w.REST("lambda", "CreateFunction", functionsPath, in, &out); err != nil {
		return err
	}
	w.Attributes["Arn"] = out.FunctionARN
	if err := w.Made(in["FunctionName"].(string)); err != nil {
		return err
	}
	return functionReady(w)
}

func functionReady(w *Work) error {
	return w.Until(func() (bool, error) {
		var out struct{ State, StateReason, LastUpdateStatus, LastUpdateStatusReason string }
		if err := w.REST("lambda", "GetFunctionConfiguration", functionPath(w)+"/configuration", nil, &out); err != nil {
			return false, err
		}
		switch {
		case out.State == "Failed":
			return false, &resource.Failure{Message: "Function is in state Failed: " + out.StateReason, HandlerCode: "NotStabilized"}
		case out.LastUpdateStatus == "Failed":
			return false, &resource.Failure{Message: "The update of the function failed: " + out.LastUpdateStatusReason,
				HandlerCode: "NotStabilized"}
		}
		return out.State != "Pending" && out.LastUpdateStatus != "InProgress", nil
	})
}

func updateFunction(w *Work) error {
	if w.Changed("Code", "Architectures") {
		in, err := functionCode(w)
		if err != nil {
			return err
		}
		if w.Has("Architectures") {
			merged := map[string]any{"Architectures": w.Properties["Architectures"]}
			for k, v := range in {
				merged[k] = v
			}
			in = merged
		}
		if err := w.REST("lambda", "UpdateFunctionCode", functionPath(w)+"/code", in, nil); err != nil {
			return err
		}
		if err := functionReady(w); err != nil {
			return err
		}
	}
	if w.Changed("Role", "Runtime", "Handler", "Description", "Timeout", "MemorySize", "Environment", "EphemeralStorage", "LoggingConfig") {
		in := functionSettings(w)
		for _, name := range []string{"Description", "Environment"} {
			if !w.Has(name) && w.Changed(name) {
				in[name] = map[string]any{"Description": "", "Environment": map[string]any{"Variables": map[string]any{}}}[name]
			}
		}
		if err := w.REST("lambda", "UpdateFunctionConfiguration", functionPath(w)+"/configuration", in, nil); err != nil {
			return err
		}
		if err := functionReady(w); err != nil {
			return err
		}
	}
	arn, _ := w.Attributes["Arn"].(string)
	return restTags(w, "lambda", "/2017-03-31/tags/"+url.PathEscape(arn), "Tags", "tagKeys")
}

func lambdaPermission() Type {
	return Type{
		Name: "AWS::Lambda::Permission",
		Properties: Properties{
			"FunctionName": {Kind: Text, Required: true}, "Action": {Kind: Text, Required: true}, "Principal": {Kind: Text, Required: true},
			"SourceAccount": {Kind: Text}, "SourceArn": {Kind: Text}, "PrincipalOrgID": {Kind: Text}, "EventSourceToken": {Kind: Text},
		},
		Elsewhere:  []string{"FunctionUrlAuthType", "InvokedViaFunctionUrl"},
		Attributes: []string{"Id"},
		Create: func(w *Work) error {
			in := map[string]any{"StatementId": w.NewName(100)}
			for _, name := range []string{"Action", "Principal", "SourceAccount", "SourceArn", "PrincipalOrgID", "EventSourceToken"} {
				if w.Has(name) {
					in[name] = w.Text(name)
				}
			}
			if err := w.REST("lambda", "AddPermission", policyPath(w), in, nil); err != nil {
				return err
			}
			w.Attributes["Id"] = in["StatementId"]
			return w.Made(in["StatementId"].(string))
		},
		Delete: func(w *Work) error {
			return w.REST("lambda", "RemovePermission", policyPath(w)+"/"+url.PathEscape(w.ID), nil, nil)
		},
	}
}

func policyPath(w *Work) string {
	return functionsPath + "/" + url.PathEscape(w.Text("FunctionName")) + "/policy"
}
