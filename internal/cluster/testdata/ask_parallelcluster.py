# Asks ParallelCluster's own code about configurations: whether its schema loads each, and
# which update policies decide about the way from the first of a pair to the second.
# Arguments: names of pairs; each has NAME.before.yaml and NAME.after.yaml in the current
# directory. Prints one line of JSON a pair. Needs no credentials: nothing here asks AWS.
import json
import os
import sys

os.environ["AWS_DEFAULT_REGION"] = "us-east-2"

from pcluster.config.config_patch import ConfigPatch
from pcluster.schemas.cluster_schema import ClusterSchema
from pcluster.utils import yaml_load


class Cluster:  # one whose nodes all run
    name = stack_name = "test"

    def has_running_capacity(self, *_):
        return True

    def has_running_login_nodes(self, *_):
        return True


for name in sys.argv[1:]:
    out = {"name": name, "errors": {}, "changes": []}
    loaded = {}
    for side in ("before", "after"):
        with open(f"{name}.{side}.yaml", encoding="utf-8") as f:
            loaded[side] = yaml_load(f)
        try:
            ClusterSchema(cluster_name="test").load(loaded[side])
        except Exception as e:  # whatever it is, it is the schema's answer
            out["errors"][side] = f"{type(e).__name__}: {e}"
    try:
        for c in ConfigPatch(Cluster(), loaded["before"], loaded["after"]).changes:
            out["changes"].append({"path": "/".join(c.path), "key": c.key, "policy": c.update_policy.name})
    except Exception as e:
        out["errors"]["patch"] = f"{type(e).__name__}: {e}"
    print(json.dumps(out))
