// Setup is a Lambda function behind a custom resource, of the standard library only:
// it answers with what its environment and the resource say.
package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
)

func main() {
	base := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/"
	for {
		next, err := http.Get(base + "next")
		if err != nil {
			os.Exit(1)
		}
		body, _ := io.ReadAll(next.Body)
		var event map[string]any
		json.Unmarshal(body, &event)
		properties, _ := event["ResourceProperties"].(map[string]any)
		answer := map[string]any{"Status": "SUCCESS", "PhysicalResourceId": "connection", "StackId": event["StackId"],
			"RequestId": event["RequestId"], "LogicalResourceId": event["LogicalResourceId"],
			"Data": map[string]any{"Said": os.Getenv("NOTE") + "/" + properties["Note"].(string)}}
		text, _ := json.Marshal(answer)
		r, _ := http.NewRequest(http.MethodPut, event["ResponseURL"].(string), bytes.NewReader(text))
		if _, err := http.DefaultClient.Do(r); err != nil {
			os.Exit(1)
		}
		os.Stdout.WriteString("did " + event["RequestType"].(string) + "\n")
		http.Post(base+next.Header.Get("Lambda-Runtime-Aws-Request-Id")+"/response", "application/json", bytes.NewReader([]byte("{}")))
	}
}
