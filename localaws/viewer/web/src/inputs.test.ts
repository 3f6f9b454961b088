import assert from "node:assert/strict";
import { test } from "node:test";
import { needs, resolved } from "./inputs";

const source = (uid: string, name: string, type: string, isDefault = false) => ({ uid, name, type, isDefault, jsonData: {} });
const sources = [
  source("amp", "Amazon Managed Prometheus", "grafana-amazonprometheus-datasource", true),
  source("cw", "CloudWatch", "cloudwatch"),
  source("second", "amp", "prometheus"),
];

const exported = {
  __inputs: [
    { name: "DS_PROMETHEUS", label: "prometheus", type: "datasource", pluginId: "prometheus" },
    { name: "VAR_SITE", type: "constant", value: "here" },
  ],
  title: "x",
  annotations: { list: [{ datasource: { type: "grafana", uid: "-- Grafana --" } }] },
  templating: {
    list: [
      { name: "ds", type: "datasource" },
      { name: "node", datasource: "prometheus" },
    ],
  },
  panels: [
    { datasource: { type: "prometheus", uid: "${DS_PROMETHEUS}" } },
    { datasource: { type: "prometheus", uid: "${ds}" }, targets: [{ datasource: "$ds" }, { datasource: { type: "loki", uid: "logs" } }] },
    { type: "row", panels: [{ datasource: "prometheus" }, { datasource: { uid: "cw" } }, { datasource: { uid: "${DS_GONE}" } }] },
  ],
};

test("what an import asks for", () => {
  assert.deepEqual(
    needs(exported, sources).map((n) => [n.kind, n.name, n.type, n.value]),
    [
      ["input", "DS_PROMETHEUS", "prometheus", "amp"],
      ["constant", "VAR_SITE", "constant", "here"],
      ["source", "prometheus", "prometheus", "amp"],
      ["source", "logs", "loki", ""],
      ["source", "${DS_GONE}", "", "amp"],
    ],
  );
  assert.deepEqual(needs({ panels: [{ datasource: null }, { datasource: "default" }] }, sources), []);
});

test("what was chosen stands for what is not there", () => {
  const { dashboard, inputs } = resolved(exported, needs(exported, sources), sources);
  const amp = { type: "grafana-amazonprometheus-datasource", uid: "amp" };
  assert.deepEqual(dashboard.templating.list[1].datasource, amp);
  assert.deepEqual(dashboard.panels[2].panels, [{ datasource: amp }, { datasource: { uid: "cw" } }, { datasource: amp }]);
  assert.deepEqual(dashboard.panels[1].targets[1].datasource, { type: "loki", uid: "logs" }); // left as it is
  assert.deepEqual(dashboard.panels[0], exported.panels[0]); // the server's to fill in
  assert.deepEqual(inputs, [
    { name: "DS_PROMETHEUS", type: "datasource", pluginId: "prometheus", value: "amp" },
    { name: "VAR_SITE", type: "constant", pluginId: "", value: "here" },
  ]);
});
