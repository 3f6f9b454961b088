import assert from "node:assert/strict";
import { test } from "node:test";
import { readDashboard } from "./read";

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
