import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, settle, type Frame } from "./frames";
import { transform } from "./panels/transform";

type Columns = [name: string, type: string, values: any[], labels?: Record<string, string>][];

const frame = (refId: string, columns: Columns): Frame => ({
  refId,
  fields: columns.map(([name, type, values, labels = {}]) => ({ name, label: name, type, labels, values, config: {} })),
});
const shown = (frames: Frame[]) => frames.map((f) => f.fields.map((x) => [x.label, ...x.values]));
const run = (frames: Frame[], id: string, options: any) => shown(transform(frames, [{ id, options }]));

// The examples are those of Grafana's documentation of transformations.
const servers: Columns = [
  ["Time", "time", [1, 2, 3, 4, 5, 6]],
  ["Server ID", "string", ["server 1", "server 2", "server 3", "server 2", "server 3", "server 1"]],
  ["CPU Temperature", "number", [80, 88, 62, 90, 86, 82]],
];

test("group by a column, with calculations of others", () => {
  const options = {
    fields: {
      "Server ID": { operation: "groupby", aggregations: [] },
      "CPU Temperature": { operation: "aggregate", aggregations: ["mean", "max"] },
      Time: { operation: "aggregate", aggregations: ["last", "count"] },
    },
  };
  assert.deepEqual(run([frame("A", servers)], "groupBy", options), [
    [
      ["Time (last)", 6, 4, 5],
      ["Time (count)", 2, 2, 2],
      ["Server ID", "server 1", "server 2", "server 3"],
      ["CPU Temperature (mean)", 81, 89, 74],
      ["CPU Temperature (max)", 82, 90, 86],
    ],
  ]);
  assert.deepEqual(run([frame("A", servers)], "groupBy", {}), shown([frame("A", servers)]));
});

test("a field that is calculated from others", () => {
  const two: Columns = [
    ["Time", "time", [1, 2]],
    ["used", "number", [1, 2]],
    ["total", "number", [4, null]],
  ];
  const last = (options: any) => run([frame("A", two)], "calculateField", options)[0].at(-1);
  assert.deepEqual(last({ mode: "reduceRow", reduce: { reducer: "sum" } }), ["Total", 5, 2]);
  assert.deepEqual(last({ mode: "reduceRow", reduce: { reducer: "max", include: ["used"] }, alias: "Most" }), ["Most", 1, 2]);
  assert.deepEqual(last({ mode: "binary", binary: { left: "used", operator: "/", right: "total" } }), ["used / total", 0.25, null]);
  assert.deepEqual(last({ mode: "binary", binary: { left: "used", operator: "*", right: "100" }, alias: "%" }), ["%", 100, 200]);
  const newer = { left: { matcher: { id: "byName", options: "total" } }, operator: "-", right: { fixed: "1" } };
  assert.deepEqual(last({ mode: "binary", binary: newer, alias: "less" }), ["less", 3, null]);
  assert.deepEqual(last({ mode: "unary", unary: { operator: "ceil", fieldName: "used" } }), ["ceil(used)", 1, 2]);
  assert.deepEqual(last({ mode: "index", alias: "n" }), ["n", 0, 1]);
  assert.deepEqual(last({ mode: "cumulativeFunctions", cumulative: { field: "used", reducer: "sum" }, alias: "all" }), ["all", 1, 3]);
  assert.deepEqual(run([frame("A", two)], "calculateField", { mode: "reduceRow", replaceFields: true })[0], [
    ["Time", 1, 2],
    ["Total", 5, 2],
  ]);
  assert.deepEqual(last({ mode: "binary", binary: { left: "none", operator: "+", right: "total" } }), ["total", 4, null]);
});

test("join by a field", () => {
  const a = frame("A", [
    ["Time", "time", [1, 2]],
    ["load", "number", [5, 6]],
  ]);
  const b = frame("B", [
    ["Time", "time", [2, 3]],
    ["load", "number", [7, 8]],
  ]);
  assert.deepEqual(run([b, a], "joinByField", {}), [
    [
      ["Time", 1, 2, 3],
      ["load", null, 7, 8],
      ["load 2", 5, 6, null],
    ],
  ]);
  assert.deepEqual(run([a, b], "joinByField", { byField: "Time", mode: "inner" }), [
    [
      ["Time", 2],
      ["load", 6],
      ["load 2", 7],
    ],
  ]);
  const names = (refId: string, values: [string, number][]) =>
    frame(refId, [
      ["node", "string", values.map(([n]) => n)],
      [refId, "number", values.map(([, v]) => v)],
    ]);
  const tabular = [
    names("x", [
      ["b", 1],
      ["b", 2],
      ["a", 3],
    ]),
    names("y", [["b", 9]]),
  ];
  assert.deepEqual(run(tabular, "joinByField", { byField: "node", mode: "outerTabular" }), [
    [
      ["node", "b", "b", "a"],
      ["x", 1, 2, 3],
      ["y", 9, 9, null],
    ],
  ]);
});

test("labels become columns, and the series one table", () => {
  const temperatures = [
    frame("A", [
      ["Time", "time", [1, 2]],
      ["Value", "number", [10, 15], { Server: "Server A", Datacenter: "EU" }],
    ]),
    frame("A", [
      ["Time", "time", [1, 2]],
      ["Value", "number", [5, 7], { Server: "Server B", Datacenter: "EU" }],
    ]),
  ];
  assert.deepEqual(run(temperatures, "labelsToFields", { valueLabel: "Server" }), [
    [
      ["Time", 1, 2],
      ["Server A", 10, 15],
      ["Datacenter", "EU", "EU"],
      ["Server B", 5, 7],
    ],
  ]);
  assert.deepEqual(run(temperatures, "labelsToFields", { keepLabels: ["Server"] }), [
    [
      ["Time", 1, 2, 1, 2],
      ["Value", 10, 15, 5, 7],
      ["Server", "Server A", "Server A", "Server B", "Server B"],
    ],
  ]);
  assert.deepEqual(run(temperatures.slice(0, 1), "labelsToFields", { mode: "rows" }), [
    [
      ["label", "Server", "Datacenter"],
      ["value", "Server A", "EU"],
    ],
  ]);
});

test("merge leaves rows apart that differ", () => {
  const row = (refId: string, node: string, extra: string, value: number) =>
    frame(refId, [
      ["Time", "time", [1]],
      ["node", "string", [node]],
      ["cpu", "string", [extra]],
      [`Value #${refId}`, "number", [value]],
    ]);
  const total = frame("C", [
    ["Time", "time", [1]],
    ["node", "string", ["n1"]],
    ["Value #C", "number", [3]],
  ]);
  assert.deepEqual(run([row("A", "n1", "0", 1), row("B", "n1", "1", 2), total], "merge", {}), [
    [
      ["Time", 1, 1],
      ["node", "n1", "n1"],
      ["cpu", "0", "1"],
      ["Value #A", 1, null],
      ["Value #B", null, 2],
      ["Value #C", 3, null],
    ],
  ]);
});

test("values of several tables are told apart though one of them is empty", () => {
  const raw = { schema: { refId: "B", fields: [{ name: "Value", type: "number" }] }, data: { values: [[1]] } };
  assert.equal(decode([raw], 2)[0].fields[0].label, "Value #B");
  assert.equal(decode([raw], 1)[0].fields[0].label, "Value");
});

test("overrides of several names, or of all but some", () => {
  const all = frame("A", [
    ["Time", "time", [1]],
    ["a", "number", [1]],
    ["b", "number", [2]],
  ]);
  const units = (options: any) => {
    const overrides = [{ matcher: { id: "byNames", options }, properties: [{ id: "unit", value: "s" }] }];
    return settle([structuredClone(all)], { fieldConfig: { defaults: {}, overrides } })[0].fields.map((f) => f.config.unit);
  };
  assert.deepEqual(units({ mode: "include", names: ["b"] }), [undefined, undefined, "s"]);
  assert.deepEqual(units({ mode: "exclude", names: ["b"] }), [undefined, "s", undefined]);
});
