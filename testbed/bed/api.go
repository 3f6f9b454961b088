//go:build linux

package bed

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/parascope/parascope/testbed/instances"
)

// maxConfiguration bounds what pcluster may send.
const maxConfiguration = 1 << 20

// answer writes what f returns.
func (b *Bed) answer(f func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, err := f(r)
		w.Header().Set("Content-Type", "application/json")
		switch {
		case err == nil:
		case errors.As(err, new(*instances.Failure)), errors.As(err, new(*refused)):
			status := http.StatusBadRequest
			if no, ok := errors.AsType[*refused](err); ok {
				v = no
				if no.Code == "NotFoundException" {
					status = http.StatusNotFound
				}
			} else {
				v, _ = errors.AsType[*instances.Failure](err)
			}
			w.WriteHeader(status)
		default:
			b.opts.Logger.Error("request failed", "method", r.Method, "path", r.URL.Path, "err", err)
			w.WriteHeader(http.StatusInternalServerError)
			v = map[string]string{"message": err.Error()}
		}
		if v != nil {
			_ = json.NewEncoder(w).Encode(v) // a caller that is gone needs no answer
		}
	}
}

// ec2 answers a cluster's head node.
func (b *Bed) ec2(c *cluster) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /instances", b.answer(func(r *http.Request) (any, error) {
		var asked struct{ Node string }
		if err := json.NewDecoder(io.LimitReader(r.Body, 4096)).Decode(&asked); err != nil {
			return nil, err
		}
		i, err := b.launchNode(b.ctx, c, asked.Node)
		if err != nil {
			return nil, err
		}
		return i.Instance, nil
	}))
	mux.HandleFunc("GET /instances", b.answer(func(*http.Request) (any, error) { return b.list(c), nil }))
	mux.HandleFunc("DELETE /instances/{id}", b.answer(func(r *http.Request) (any, error) {
		all := b.of(c, func(i *instance) bool { return i.ID == r.PathValue("id") })
		if len(all) == 0 {
			return nil, &instances.Failure{Code: "InvalidInstanceID.NotFound", Message: "The instance ID '" + r.PathValue("id") + "' does not exist"}
		}
		b.busy.Go(func() { b.end(b.ctx, false, all...) })
		return nil, nil
	}))
	return mux
}

func (b *Bed) list(c *cluster) []instances.Instance {
	list := []instances.Instance{}
	for _, i := range b.of(c, func(*instance) bool { return true }) {
		b.mu.Lock()
		list = append(list, i.Instance)
		b.mu.Unlock()
	}
	return list
}

// control answers people's commands.
func (b *Bed) control() http.Handler {
	mux := http.NewServeMux()
	with := func(f func(*cluster, *http.Request) (any, error)) http.HandlerFunc {
		return b.answer(func(r *http.Request) (any, error) {
			name := r.PathValue("name")
			b.mu.Lock()
			c := b.clusters[name]
			b.mu.Unlock()
			if c == nil {
				return nil, &refused{Code: "NotFoundException", Message: fmt.Sprintf("Cluster '%s' does not exist or belongs to an incompatible "+
					"ParallelCluster major version.", name)}
			}
			return f(c, r)
		})
	}
	mux.HandleFunc("GET /clusters", b.answer(func(*http.Request) (any, error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		all := []any{}
		for _, c := range b.clusters {
			all = append(all, b.summary(c))
		}
		return map[string]any{"clusters": all}, nil
	}))
	mux.HandleFunc("POST /clusters/{name}", b.answer(func(r *http.Request) (any, error) {
		text, err := io.ReadAll(io.LimitReader(r.Body, maxConfiguration))
		if err != nil {
			return nil, err
		}
		c, err := b.create(r.PathValue("name"), text, r.URL.Query().Get("rollback") == "false")
		if err != nil {
			return nil, err
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		return map[string]any{"cluster": b.summary(c)}, nil
	}))
	mux.HandleFunc("GET /clusters/{name}", with(func(c *cluster, _ *http.Request) (any, error) { return b.describe(c), nil }))
	mux.HandleFunc("PUT /clusters/{name}", with(func(c *cluster, r *http.Request) (any, error) {
		text, err := io.ReadAll(io.LimitReader(r.Body, maxConfiguration))
		if err != nil {
			return nil, err
		}
		changes, err := b.update(c, text, r.URL.Query().Get("dryrun") == "true", r.URL.Query().Get("force") == "true")
		if err != nil {
			return nil, err
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		return map[string]any{"cluster": b.summary(c), "changeSet": changes}, nil
	}))
	mux.HandleFunc("DELETE /clusters/{name}", with(func(c *cluster, _ *http.Request) (any, error) {
		b.remove(c)
		b.mu.Lock()
		defer b.mu.Unlock()
		return map[string]any{"cluster": b.summary(c)}, nil
	}))
	mux.HandleFunc("PUT /clusters/{name}/fleet/{status}", with(func(c *cluster, r *http.Request) (any, error) {
		if err := b.setFleet(c, r.PathValue("status")); err != nil {
			return nil, err
		}
		return map[string]string{"status": b.fleetStatus(c), "lastStatusUpdatedTime": b.opts.Now().UTC().Format(time.RFC3339)}, nil
	}))
	mux.HandleFunc("GET /clusters/{name}/fleet", with(func(c *cluster, _ *http.Request) (any, error) {
		return map[string]string{"status": b.fleetStatus(c)}, nil
	}))
	mux.HandleFunc(
		"GET /clusters/{name}/instances",
		with(func(c *cluster, _ *http.Request) (any, error) { return b.describeInstances(c), nil }),
	)
	b.machines(mux)
	return mux
}

// Machine is one of the bed's own view.
type Machine struct {
	instances.Instance
	Cluster string `json:"cluster"`
	PID     int    `json:"pid"` // 0: it does not run
}

// machines are the bed's own commands: what no AWS has.
func (b *Bed) machines(mux *http.ServeMux) {
	mux.HandleFunc("GET /machines", b.answer(func(*http.Request) (any, error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		all := []Machine{}
		for _, c := range b.clusters {
			for _, i := range c.instances {
				m := Machine{Instance: i.Instance, Cluster: c.name}
				if i.machine != nil {
					m.PID = i.machine.PID
				}
				all = append(all, m)
			}
		}
		return all, nil
	}))
	mux.HandleFunc("POST /refusals", b.answer(func(r *http.Request) (any, error) {
		var asked refusal
		if err := json.NewDecoder(io.LimitReader(r.Body, 4096)).Decode(&asked); err != nil {
			return nil, err
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		if asked.Count == 0 {
			b.refusals = slices.DeleteFunc(b.refusals, func(r refusal) bool { return r.Queue == asked.Queue })
			return nil, nil
		}
		b.refusals = append(b.refusals, asked)
		return nil, nil
	}))
}

// summary is a cluster in the answers of create, update, delete and list. The bed's
// lock is held.
func (b *Bed) summary(c *cluster) map[string]any {
	return map[string]any{
		"clusterName": c.name, "region": b.opts.Region, "version": c.version, "clusterStatus": c.status, "cloudFormationStackStatus": c.status,
		"cloudformationStackArn": c.stack, "scheduler": map[string]string{"type": "slurm"},
	}
}

// describe is describe-cluster's answer.
func (b *Bed) describe(c *cluster) map[string]any {
	list, status := b.list(c), b.fleetStatus(c)
	b.mu.Lock()
	defer b.mu.Unlock()
	all := b.summary(c)
	all["creationTime"], all["lastUpdatedTime"] = c.created.UTC().Format(time.RFC3339), c.updated.UTC().Format(time.RFC3339)
	all["computeFleetStatus"] = status
	all["clusterConfiguration"] = map[string]string{"url": ""}
	all["tags"] = []map[string]string{
		{"key": "parallelcluster:version", "value": c.version},
		{"key": "parallelcluster:cluster-name", "value": c.name},
	}
	if len(c.reasons) > 0 {
		all["failures"] = c.reasons
	}
	pools := map[string][2]int{}
	for _, i := range list {
		switch i.Role {
		case "HeadNode":
			all["headNode"] = map[string]any{"instanceId": i.ID, "instanceType": i.Type, "launchTime": i.Launched.UTC().Format(time.RFC3339),
				"privateIpAddress": i.Address, "state": i.State}
		case "LoginNode":
			n := pools[i.Pool]
			if n[0]++; i.State != "running" {
				n = [2]int{n[0] - 1, n[1] + 1}
			}
			pools[i.Pool] = n
		}
	}
	if len(c.config.LoginNodes.Pools) > 0 {
		login := []any{}
		for _, p := range c.config.LoginNodes.Pools {
			state := "active"
			if pools[p.Name][0] < p.Count {
				state = "pending"
			}
			login = append(
				login,
				map[string]any{"status": state, "poolName": p.Name, "healthyNodes": pools[p.Name][0], "unhealthyNodes": pools[p.Name][1]},
			)
		}
		all["loginNodes"] = login
	}
	return all
}

// describeInstances is describe-cluster-instances' answer.
func (b *Bed) describeInstances(c *cluster) map[string]any {
	all := []map[string]any{}
	for _, i := range b.list(c) {
		kind := i.Role
		if kind == "Compute" {
			kind = "ComputeNode"
		}
		one := map[string]any{"instanceId": i.ID, "instanceType": i.Type, "launchTime": i.Launched.UTC().Format(time.RFC3339),
			"privateIpAddress": i.Address, "state": i.State, "nodeType": kind}
		if i.Queue != "" {
			one["queueName"] = i.Queue
		}
		if i.Pool != "" {
			one["poolName"] = i.Pool
		}
		all = append(all, one)
	}
	return map[string]any{"instances": all}
}
