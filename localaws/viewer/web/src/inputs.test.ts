import assert from "node:assert/strict";
import { test } from "node:test";
import { sourceOf } from "./app";
import { needs, resolved } from "./inputs";
import { readDashboard } from "./read";

const source = (uid: string, name: string, type: string, isDefault = false) => ({ uid, name, type, isDefault, jsonData: {} });
const sources = [
  source("amp", "Amazon Managed Prometheus", "grafana-amazonprometheus-datasource", true),
  source("cw", "CloudWatch", "cloudwatch"),
  source("second", "amp", "prometheus"),
];

test("data sources are found by uid, then by name, then by type", () => {
  const app = { settings: { sources } } as any;
  const uid = (ref: any) => sourceOf(app, ref, (t) => t.replace("$ds", "cw"))?.uid;
  for (const [ref, want] of [
    [null, "amp"],
    ["", "amp"],
    ["default", "amp"],
    ["CloudWatch", "cw"],
    [{ uid: "CloudWatch" }, "cw"],
    ["amp", "amp"], // a uid goes before another's name
    [{ uid: "$ds" }, "cw"],
    [{ type: "cloudwatch" }, "cw"],
    [{ type: "prometheus" }, "amp"],
    [{ type: "loki" }, undefined],
    [{ uid: "prometheus" }, undefined],
    ["${DS_PROMETHEUS}", undefined],
  ] as const)
    assert.equal(uid(ref), want, JSON.stringify(ref));
});

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

test("panels of older versions have their settings", () => {
  const [graph, gauge, single] = readDashboard({
    panels: [
      {
        type: "graph",
        yaxes: [{ format: "celsius", max: "100" }],
        stack: true,
        fill: 3,
        legend: { show: true, values: true, avg: true, max: true },
      },
      { type: "gauge", options: { fieldOptions: { calcs: ["mean"], defaults: { unit: "watt", max: 400 } } } },
      {
        type: "singlestat",
        format: "bytes",
        thresholds: "1,2",
        colors: ["red", "blue", "green"],
        valueName: "current",
        valueMaps: [{ value: "0", text: "none" }],
      },
    ],
  }).panels;
  const d = (p: typeof graph) => p.fieldConfig!.defaults;
  assert.deepEqual(
    [d(graph).unit, d(graph).max, d(graph).custom!.stacking.mode, d(graph).custom!.fillOpacity],
    ["celsius", 100, "normal", 30],
  );
  assert.deepEqual(graph.options!.legend.calcs, ["mean", "max"]);
  assert.deepEqual([d(gauge).unit, d(gauge).max, gauge.options!.reduceOptions.calcs], ["watt", 400, ["mean"]]);
  assert.deepEqual([single.type, d(single).unit, d(single).mappings![0].options], ["stat", "bytes", { "0": { text: "none" } }]);
  assert.deepEqual(
    d(single).thresholds!.steps.map((s) => s.value),
    [null, 1, 2],
  );
});
