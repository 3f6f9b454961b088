import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, settle } from "./frames";
import { sections } from "./layout";
import { shown } from "./look";
import type { Panel } from "./model";
import { readDashboard } from "./read";
import { Variables } from "./variables";

const none = new Variables([], new URLSearchParams());

test("what is missing is filled in", () => {
  const d = readDashboard({ title: "Bare", unknown: { kept: true } });
  assert.deepEqual([d.panels, d.templating, d.time, d.refresh], [[], { list: [] }, { from: "now-6h", to: "now" }, ""]);
  assert.deepEqual((d as any).unknown, { kept: true });
  assert.equal(readDashboard({ panels: null, templating: null, time: { from: 5 } }).title, "New dashboard");
  for (const raw of [null, [], "x", { title: "x", panels: {} }]) assert.throws(() => readDashboard(raw), /A dashboard is|are a list/);
});

test("panels without a place or a number get one of their own", () => {
  const { panels } = readDashboard({
    panels: [
      {},
      { id: 4, gridPos: { x: 0, y: 2, w: 24, h: 3 } },
      { id: 4, gridPos: 7, title: 9 },
      null,
      { type: "row", panels: [{}, { type: "row", panels: [{ id: 4 }] }] },
    ],
  });
  assert.deepEqual(
    panels.map((p) => [p.id, p.type, p.title, p.gridPos.y, p.gridPos.w]),
    [
      [5, "timeseries", "", 5, 12],
      [4, "timeseries", "", 2, 24],
      [6, "timeseries", "9", 13, 12],
      [7, "row", "", 21, 24],
    ],
  );
  assert.deepEqual(
    panels[3].panels!.map((p) => [p.id, p.gridPos.y]),
    [
      [8, 0],
      [9, 8],
    ],
  );
  const [placed] = readDashboard({ panels: [{ gridPos: { x: 30, y: -1, w: 99, h: "tall" } }] }).panels;
  assert.deepEqual(placed.gridPos, { x: 23, y: 0, w: 1, h: 8 });
});

test("queries get letters, and settings that are none are none", () => {
  const [p, q] = readDashboard({
    panels: [
      { targets: [{ expr: "up" }, { refId: "A", expr: 5 }, null, {}] },
      { targets: null, fieldConfig: { defaults: null, overrides: [null, { properties: [{ value: 1 }] }] }, options: null },
    ],
  }).panels;
  assert.deepEqual(
    p.targets!.map((t) => [t.refId, t.expr]),
    [
      ["B", "up"],
      ["A", "5"],
      ["C", ""],
    ],
  );
  assert.deepEqual([q.targets, q.options, q.fieldConfig!.overrides], [[], {}, [{ matcher: { id: "" }, properties: [] }]]);
  const raw = { schema: { fields: [{ name: "Value", type: "number" }] }, data: { values: [[1.5]] } };
  const odd = {
    fieldConfig: {
      defaults: { unit: null, decimals: -3, thresholds: { steps: [] }, mappings: [null, { type: 1, value: "1.5" }], color: "red" },
      overrides: [
        { matcher: { id: "byName", options: "Value" }, properties: [{ id: "thresholds", value: { steps: [{ value: 1, color: null }] } }] },
      ],
    },
  } as any;
  const config = settle(decode([raw]), odd)[0].fields[0].config;
  assert.equal(shown(1.5, config).text, "2");
  assert.deepEqual(config.thresholds!.steps, [{ value: 1, color: "green" }]);
});

test("panels that stand on each other are moved apart", () => {
  const at = (y: number): Panel => ({ id: y, type: "stat", gridPos: { x: 0, y, w: 12, h: 8 } });
  const [all] = sections([at(0), at(3), { ...at(4), gridPos: { x: 12, y: 4, w: 12, h: 8 } }, at(0)], () => false, none);
  assert.deepEqual(
    all.panels.map((p) => [p.place.x, p.place.y]),
    [
      [0, 0],
      [0, 8],
      [0, 16],
      [12, 4],
    ],
  );
  assert.equal(all.height, 24);
});
