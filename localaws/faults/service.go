package faults

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/parascope/parascope/localaws/gateway"
)

// Wrap puts the table in front of the operations of all services, before they are
// served. It works behind the signature check: trouble is for requests that would
// be served.
func (t *Table) Wrap(services []gateway.Service) []gateway.Service {
	out := slices.Clone(services)
	for i, s := range out {
		for _, op := range s.Operations {
			if s.Name == "amp" && op.Name == "DescribeWorkspace" {
				t.describe = op.Serve
			}
		}
		if s.Protocol != gateway.PrometheusHTTP {
			t.services = append(t.services, s.Name)
		}
		out[i].Operations = slices.Clone(s.Operations)
		for j, op := range s.Operations {
			if op.Serve != nil {
				out[i].Operations[j].Serve = t.wrap(place(s, op), op)
			}
		}
	}
	return out
}

// place is what a fault that an operation meets is on.
func place(s gateway.Service, op gateway.Operation) string {
	switch {
	case s.Protocol != gateway.PrometheusHTTP:
		return s.Name
	case op.Name == "RemoteWrite":
		return OnWrite
	}
	return OnQuery
}

func (t *Table) wrap(on string, op gateway.Operation) serve {
	return func(w http.ResponseWriter, r *gateway.Request) error {
		f, cleared, met := t.meet(on, r)
		if !met {
			return op.Serve(w, r)
		}
		i := slices.IndexFunc(kinds(), func(k kind) bool { return k.name == f.Kind })
		return kinds()[i].answer(f, cleared, op.Serve)(w, r)
	}
}

// Where the API that sets faults is, and the service that its requests are signed for.
const (
	Path        = "/_localaws/faults"
	SigningName = "localaws"
)

// Service is the API that sets faults. AWS has nothing like it.
func (t *Table) Service() gateway.Service {
	var rules []gateway.Rule
	for _, k := range kinds() {
		rules = append(rules, k.rule)
	}
	own := func(text string) gateway.Rule {
		return gateway.Rule{Text: text, Basis: gateway.Assumed, Source: "an API of the local cloud; AWS has no equivalent"}
	}
	return gateway.Service{
		Name: "faults", Title: "Faults of the local cloud", SigningName: SigningName, Version: "1", Protocol: gateway.RESTJSON,
		Rules: []gateway.Rule{
			own("requests must be signed, and require the permission for the operation, such as localaws:CreateFault or localaws:ListFaults"),
			own("faults are kept in memory: a restart ends them"),
			own("a fault of a service's API affects requests that clients sign in headers, but not requests between services"),
			own("a fault for a workspace that does not exist is refused with 404 ResourceNotFoundException, as in DescribeWorkspace"),
			own("a share is distributed evenly, not randomly: a share of 0.5 affects the second and the fourth of four requests"),
		},
		Operations: gateway.RequireActions(SigningName, nil, []gateway.Operation{
			{Name: "CreateFault", Method: http.MethodPost, Path: Path, Serve: t.create, Rules: rules},
			{Name: "ListFaults", Method: http.MethodGet, Path: Path, Serve: t.show},
			{Name: "DeleteFaults", Method: http.MethodDelete, Path: Path, Serve: t.delete},
			{Name: "DeleteFault", Method: http.MethodDelete, Path: Path + "/{faultId}", Serve: t.delete, Rules: []gateway.Rule{
				own("requests that hang because of the fault are ended; an unknown id is refused with 404 ResourceNotFoundException"),
			}},
		}),
	}
}

func (t *Table) create(w http.ResponseWriter, r *gateway.Request) error {
	f := Fault{On: OnWrite, Share: 1}
	d := json.NewDecoder(strings.NewReader(string(r.Body)))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return invalid("the request body is not a valid fault: %v", err)
	}
	if err := t.check(f); err != nil {
		return err
	}
	if err := t.checkWorkspace(f.WorkspaceID, r); err != nil {
		return err
	}
	return gateway.WriteJSON(w, http.StatusOK, t.add(f, r.Now))
}

// checkWorkspace asks amp: a fault on a workspace that is not there would never be
// met.
func (t *Table) checkWorkspace(id string, r *gateway.Request) error {
	if id == "" || t.describe == nil {
		return nil
	}
	asked := *r
	asked.Labels = map[string]string{"workspaceId": id}
	return t.describe(&held{header: http.Header{}}, &asked)
}

func (t *Table) show(w http.ResponseWriter, r *gateway.Request) error {
	return gateway.WriteJSON(w, http.StatusOK, map[string]any{"faults": t.list(r.Now)})
}

func (t *Table) delete(w http.ResponseWriter, r *gateway.Request) error {
	id := r.Labels["faultId"]
	n := t.clear(id, r.Now)
	if id != "" && n == 0 {
		return &gateway.Error{Status: http.StatusNotFound, Code: "ResourceNotFoundException", Message: "There is no fault " + id}
	}
	return gateway.WriteJSON(w, http.StatusOK, map[string]any{"cleared": n})
}
