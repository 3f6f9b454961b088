package lambda

import (
	"cmp"
	"maps"
	"net/http"
	"strconv"
	"strings"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/state"
)

// settings are the members that CreateFunction and UpdateFunctionConfiguration
// have in common; nil is what the request does not say.
type settings struct {
	Role, Runtime, Handler, Description *string
	Timeout, MemorySize                 *int
	Environment                         *struct{ Variables map[string]string }
	EphemeralStorage                    *struct{ Size int }
	LoggingConfig                       *struct{ LogGroup, LogFormat string }
	RevisionID                          string
}

// apply puts what the request says into the function.
func (in settings) apply(f *function) error {
	for to, from := range map[*string]*string{&f.Role: in.Role, &f.Runtime: in.Runtime, &f.Handler: in.Handler,
		&f.Description: in.Description} {
		if from != nil {
			*to = *from
		}
	}
	for to, from := range map[*int]*int{&f.Timeout: in.Timeout, &f.MemorySize: in.MemorySize} {
		if from != nil {
			*to = *from
		}
	}
	if in.Environment != nil {
		f.Environment = in.Environment.Variables
	}
	if in.EphemeralStorage != nil {
		f.Storage = in.EphemeralStorage.Size
	}
	if in.LoggingConfig != nil {
		if in.LoggingConfig.LogFormat != "" && in.LoggingConfig.LogFormat != "Text" {
			return invalid("%s", gateway.Simplified("supports the log format Text, not "+in.LoggingConfig.LogFormat))
		}
		f.LogGroup = cmp.Or(in.LoggingConfig.LogGroup, f.LogGroup)
	}
	return f.check()
}

func (l *Lambda) createFunction(w http.ResponseWriter, r *gateway.Request) error {
	var in struct {
		settings
		FunctionName  string
		Code          codeInput
		PackageType   string
		Architectures []string
		Tags          map[string]string
		Publish       bool
	}
	if err := parse(r, &in); err != nil {
		return err
	}
	if in.PackageType == "Image" || in.Publish {
		return invalid("%s", gateway.Simplified("supports neither images nor published versions of functions"))
	}
	name, _ := parseName(in.FunctionName)
	f := function{
		Region: r.Region, Name: name, Architecture: "x86_64", Timeout: defaultTimeout, MemorySize: defaultMemory, Storage: defaultStorage,
		Tags: in.Tags, LogGroup: "/aws/lambda/" + name, CreatedAt: r.Now, LastModified: r.Now, ActiveAt: r.Now.Add(l.opts.CreateDelay),
		RevisionID: l.opts.NewID(),
	}
	if len(in.Architectures) > 0 {
		f.Architecture = strings.Join(in.Architectures, ",")
	}
	if err := in.apply(&f); err != nil {
		return err
	}
	if len(in.Tags) > 0 {
		if err := r.Authorize("lambda:TagResource", f.arn(), nil); err != nil {
			return err
		}
	}
	if err := l.passRole(r, &f); err != nil {
		return err
	}
	archive, err := l.fetch(r.Context(), r, in.Code)
	if err != nil {
		return err
	}
	if f.Code, err = l.unpack(archive, maxUnzipped); err != nil {
		return err
	}
	err = l.opts.State.Update(func(tx *state.Tx) error {
		var old function
		if found, err := tx.Get(functionBucket, f.path(), &old); err != nil {
			return err
		} else if found {
			return conflict("Function already exist: " + f.Name)
		}
		return tx.Put(functionBucket, f.path(), f)
	})
	if err != nil {
		l.remove(f.Code)
		return err
	}
	return gateway.WriteJSON(w, http.StatusCreated, f.configuration(r.Now))
}

func (l *Lambda) getFunction(w http.ResponseWriter, r *gateway.Request) error {
	f, err := l.named(r)
	if err != nil {
		return err
	}
	out := map[string]any{"Configuration": f.configuration(r.Now), "Code": map[string]string{"RepositoryType": "S3"}}
	// Tags are for those only who may list them.
	if denied := r.Authorize("lambda:ListTags", f.arn(), nil); denied == nil && len(f.Tags) > 0 {
		out["Tags"] = f.Tags
	}
	return gateway.WriteJSON(w, http.StatusOK, out)
}

func (l *Lambda) getFunctionConfiguration(w http.ResponseWriter, r *gateway.Request) error {
	f, err := l.named(r)
	if err != nil {
		return err
	}
	return gateway.WriteJSON(w, http.StatusOK, f.configuration(r.Now))
}

// checkRevision refuses a change of something that has changed since it was read.
func (f *function) checkRevision(id string) error {
	if id == "" || id == f.RevisionID {
		return nil
	}
	return refuse(http.StatusPreconditionFailed, "PreconditionFailedException",
		"The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id",
		"User")
}

func (l *Lambda) updateFunctionCode(w http.ResponseWriter, r *gateway.Request) error {
	var in struct {
		codeInput
		Architectures []string
		DryRun        bool
		Publish       bool
		RevisionID    string
	}
	if err := parse(r, &in); err != nil {
		return err
	}
	if in.Publish {
		return invalid("%s", gateway.Simplified("does not support published versions of functions"))
	}
	if _, err := l.named(r); err != nil {
		return err
	}
	archive, err := l.fetch(r.Context(), r, in.codeInput)
	if err != nil {
		return err
	}
	unpacked, err := l.unpack(archive, maxUnzipped)
	if err != nil {
		return err
	}
	if in.DryRun {
		l.remove(unpacked)
		f, err := l.named(r)
		if err != nil {
			return err
		}
		f.Code = unpacked
		return gateway.WriteJSON(w, http.StatusOK, f.configuration(r.Now))
	}
	var replaced code
	f, err := l.change(r, func(f *function) error {
		if err := f.checkRevision(in.RevisionID); err != nil {
			return err
		}
		if len(in.Architectures) > 0 {
			f.Architecture = strings.Join(in.Architectures, ",")
		}
		replaced = f.Code
		f.Code, f.LastModified = unpacked, r.Now
		return f.check()
	})
	if err != nil {
		l.remove(unpacked)
		return err
	}
	l.forget(f.path())
	l.drop(replaced)
	return gateway.WriteJSON(w, http.StatusOK, f.configuration(r.Now))
}

func (l *Lambda) updateFunctionConfiguration(w http.ResponseWriter, r *gateway.Request) error {
	var in settings
	if err := parse(r, &in); err != nil {
		return err
	}
	if in.Role != nil {
		f, err := l.named(r)
		if err != nil {
			return err
		}
		f.Role = *in.Role
		if err := l.passRole(r, f); err != nil {
			return err
		}
	}
	f, err := l.change(r, func(f *function) error {
		if err := f.checkRevision(in.RevisionID); err != nil {
			return err
		}
		f.LastModified = r.Now
		return in.apply(f)
	})
	if err != nil {
		return err
	}
	return gateway.WriteJSON(w, http.StatusOK, f.configuration(r.Now))
}

func (l *Lambda) deleteFunction(w http.ResponseWriter, r *gateway.Request) error {
	f, err := l.named(r)
	if err != nil {
		return err
	}
	if err := l.opts.State.Update(func(tx *state.Tx) error { return tx.Delete(functionBucket, f.path()) }); err != nil {
		return err
	}
	l.forget(f.path())
	l.drop(f.Code)
	return gateway.WriteJSON(w, http.StatusNoContent, nil)
}

const maxFunctions = 50 // of a page, and the default

func (l *Lambda) listFunctions(w http.ResponseWriter, r *gateway.Request) error {
	query := r.URL.Query()
	limit := maxFunctions
	if s := query.Get("MaxItems"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return outside("maxItems", s, "Member must have value greater than or equal to 1")
		}
		limit = min(n, limit)
	}
	functions := []map[string]any{}
	out := map[string]any{}
	last, after := "", query.Get("Marker")
	err := l.opts.State.View(func(tx *state.Tx) error {
		return eachFunction(tx, func(f *function) {
			if f.Region != r.Region || f.Name <= after {
				return
			}
			if len(functions) == limit {
				out["NextMarker"] = last
				return
			}
			last = f.Name
			functions = append(functions, f.configuration(r.Now))
		})
	})
	if err != nil {
		return err
	}
	out["Functions"] = functions
	return gateway.WriteJSON(w, http.StatusOK, out)
}

func (l *Lambda) listTags(w http.ResponseWriter, r *gateway.Request) error {
	f, err := l.named(r)
	if err != nil {
		return err
	}
	tags := map[string]string{}
	maps.Copy(tags, f.Tags)
	return gateway.WriteJSON(w, http.StatusOK, map[string]any{"Tags": tags})
}

func (l *Lambda) tagResource(w http.ResponseWriter, r *gateway.Request) error {
	var in struct{ Tags map[string]string }
	if err := parse(r, &in); err != nil {
		return err
	}
	return l.retag(w, r, func(tags map[string]string) { maps.Copy(tags, in.Tags) })
}

func (l *Lambda) untagResource(w http.ResponseWriter, r *gateway.Request) error {
	return l.retag(w, r, func(tags map[string]string) {
		for _, key := range r.URL.Query()["tagKeys"] {
			delete(tags, key)
		}
	})
}

func (l *Lambda) retag(w http.ResponseWriter, r *gateway.Request, do func(map[string]string)) error {
	_, err := l.change(r, func(f *function) error {
		if f.Tags == nil {
			f.Tags = map[string]string{}
		}
		do(f.Tags)
		return nil
	})
	if err != nil {
		return err
	}
	return gateway.WriteJSON(w, http.StatusNoContent, nil)
}
