package lambda

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/principal"
	"github.com/parascope/parascope/localaws/state"
)

const functionBucket = "lambda-functions" // path(region, name) → function

// latest is the one version of a function here.
const latest = "$LATEST"

// function is one as it is stored.
type function struct {
	Region, Name string
	Role         string
	Runtime      string
	Handler      string
	Description  string
	Architecture string
	Timeout      int // seconds
	MemorySize   int // MB
	Storage      int // MB of /tmp
	Environment  map[string]string
	Tags         map[string]string
	LogGroup     string
	Code         code
	CreatedAt    time.Time
	ActiveAt     time.Time
	LastModified time.Time
	RevisionID   string
	Policy       []json.RawMessage // statements
}

func (f *function) arn() string { return functionARN(f.Region, f.Name) }

func (f *function) path() string { return path(f.Region, f.Name) }

func (f *function) active(now time.Time) bool { return !now.Before(f.ActiveAt) }

func path(region, name string) string { return region + "/" + name }

func functionARN(region, name string) string {
	return "arn:aws:lambda:" + region + ":" + principal.Account + ":function:" + name
}

// parseName reads what a request calls a function: its name, its ARN or part of
// that, each with or without a qualifier.
func parseName(s string) (name, qualifier string) {
	if _, after, ok := strings.Cut(s, "function:"); ok {
		s = after
	}
	name, qualifier, _ = strings.Cut(s, ":")
	return name, qualifier
}

// resource is the function that a permission must be for.
func resource(r *gateway.Request) []string {
	if arn, ok := r.Labels["ARN"]; ok {
		return []string{arn}
	}
	name, _ := parseName(r.Labels["FunctionName"])
	return []string{functionARN(r.Region, name)}
}

// newResource is the same for a function that is to be made.
func newResource(r *gateway.Request) []string {
	var in struct{ FunctionName string }
	// What cannot be read is refused by the operation itself.
	_ = json.Unmarshal(r.Body, &in)
	name, _ := parseName(in.FunctionName)
	return []string{functionARN(r.Region, name)}
}

func eachFunction(tx *state.Tx, do func(*function)) error {
	return tx.ForEach(functionBucket, func(_ string, decode func(any) error) error {
		var f function
		if err := decode(&f); err != nil {
			return err
		}
		do(&f)
		return nil
	})
}

// load returns the function of this name, which may have a qualifier.
func (l *Lambda) load(region, called string) (*function, error) {
	name, qualifier := parseName(called)
	var f function
	found := false
	err := l.opts.State.View(func(tx *state.Tx) (err error) {
		found, err = tx.Get(functionBucket, path(region, name), &f)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("could not load function %s: %w", name, err)
	}
	if !found || qualifier != "" && qualifier != latest {
		if qualifier != "" {
			name += ":" + qualifier
		}
		return nil, notFound("Function not found: " + functionARN(region, name))
	}
	return &f, nil
}

// named returns the function that the request's path names.
func (l *Lambda) named(r *gateway.Request) (*function, error) {
	called := r.Labels["FunctionName"]
	if arn, ok := r.Labels["ARN"]; ok {
		called = arn
	}
	if _, qualifier := parseName(called); qualifier == "" {
		if q := r.URL.Query().Get("Qualifier"); q != "" {
			called += ":" + q
		}
	}
	return l.load(r.Region, called)
}

// change loads the function that the request names, lets f change it, and stores it.
func (l *Lambda) change(r *gateway.Request, do func(*function) error) (*function, error) {
	f, err := l.named(r)
	if err != nil {
		return nil, err
	}
	key := f.path()
	err = l.opts.State.Update(func(tx *state.Tx) error {
		var current function
		if found, err := tx.Get(functionBucket, key, &current); err != nil {
			return err
		} else if !found {
			return notFound("Function not found: " + f.arn())
		}
		f = &current
		if !f.active(r.Now) {
			return conflict("The operation cannot be performed at this time. The function is currently in the following state: Pending")
		}
		if err := do(f); err != nil {
			return err
		}
		f.RevisionID = l.opts.NewID()
		return tx.Put(functionBucket, key, f)
	})
	return f, err
}

// configuration is a function as the API describes it.
func (f *function) configuration(now time.Time) map[string]any {
	c := map[string]any{
		"FunctionName": f.Name, "FunctionArn": f.arn(), "Role": f.Role, "Runtime": f.Runtime, "Handler": f.Handler,
		"Description": f.Description, "Architectures": []string{f.Architecture}, "Timeout": f.Timeout, "MemorySize": f.MemorySize,
		"EphemeralStorage": map[string]int{"Size": f.Storage}, "PackageType": "Zip", "Version": latest, "RevisionId": f.RevisionID,
		"CodeSize": f.Code.Size, "CodeSha256": f.Code.SHA256, "LastModified": f.LastModified.UTC().Format("2006-01-02T15:04:05.000-0700"),
		"TracingConfig": map[string]string{"Mode": "PassThrough"}, "SnapStart": map[string]string{"ApplyOn": "None", "OptimizationStatus": "Off"},
		"LoggingConfig": map[string]string{"LogFormat": "Text", "LogGroup": f.LogGroup},
		"State":         "Active", "LastUpdateStatus": "Successful",
	}
	if len(f.Environment) > 0 {
		c["Environment"] = map[string]any{"Variables": f.Environment}
	}
	if !f.active(now) {
		c["State"], c["StateReason"], c["StateReasonCode"] = "Pending", "The function is being created.", "Creating"
		delete(c, "LastUpdateStatus")
	}
	return c
}

func refuse(status int, code, message, kind string) error {
	return &gateway.Error{Status: status, Code: code, Message: message, Members: map[string]any{"Type": kind}}
}

func notFound(message string) error {
	return refuse(http.StatusNotFound, "ResourceNotFoundException", message, "User")
}

func conflict(message string) error {
	return refuse(http.StatusConflict, "ResourceConflictException", message, "User")
}

func invalid(format string, args ...any) error {
	return refuse(http.StatusBadRequest, "InvalidParameterValueException", fmt.Sprintf(format, args...), "User")
}

func parse(r *gateway.Request, v any) error {
	if len(r.Body) == 0 {
		return nil
	}
	if err := json.Unmarshal(r.Body, v); err != nil {
		return refuse(http.StatusBadRequest, "SerializationException", "Could not parse request body into json", "User")
	}
	return nil
}
