// Command handler is a function for the tests: it does what its event says.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

func main() {
	if os.Getenv("FAIL_INIT") != "" {
		fmt.Println("cannot begin")
		os.Exit(3)
	}
	count := 0
	lambda.Start(func(ctx context.Context, raw json.RawMessage) (any, error) {
		count++
		var event struct{ Do string }
		if err := json.Unmarshal(raw, &event); err != nil {
			return nil, err
		}
		switch event.Do {
		case "fail":
			return nil, errors.New("as you wish")
		case "panic":
			panic("as you wish")
		case "exit":
			fmt.Print("no newline at the end")
			os.Exit(7)
		case "hang":
			fmt.Println("hanging")
			<-make(chan struct{}, 0)
		case "wait":
			// Until the test, which reads the log, lets go.
			fmt.Println("waiting")
			for range 600 {
				if _, err := os.Stat(os.Getenv("GATE")); err == nil {
					return "went on", nil
				}
				time.Sleep(50 * time.Millisecond)
			}
		case "print":
			for i := range 600 {
				fmt.Fprintf(os.Stderr, "line %d\n", i)
			}
		case "caller":
			cfg, err := config.LoadDefaultConfig(ctx)
			if err != nil {
				return nil, err
			}
			who, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, nil)
			if err != nil {
				return nil, err
			}
			return *who.Arn, nil
		case "environment":
			return os.Environ(), nil
		}
		lc, _ := lambdacontext.FromContext(ctx)
		deadline, _ := ctx.Deadline()
		return map[string]any{
			"event": string(raw), "count": count, "pid": os.Getpid(), "arn": lc.InvokedFunctionArn,
			"left": time.Until(deadline).Seconds(),
		}, nil
	})
}
