import assert from "node:assert/strict";
import { test } from "node:test";
import { wanted } from "./complete";
import { decode, reduce, settle } from "./frames";
import { align, stack, stacks } from "./panels/align";
import { transform } from "./panels/transform";

test("series that miss a point have a gap, those of another rhythm do not", () => {
  const { times, rows } = align(
    [
      { times: [0, 10, 20, 50, 60], values: [1, 2, 3, 4, 5] },
      { times: [0, 30, 60], values: [7, 8, 9] },
    ],
    false,
  );
  assert.deepEqual(times, [0, 10, 20, 30, 50, 60]);
  assert.deepEqual(rows, [
    [1, 2, 3, null, 4, 5],
    [7, undefined, undefined, 8, undefined, 9],
  ]);
  assert.deepEqual(align([{ times: [0, 10, 50], values: [1, null, NaN] }], true).rows, [[1, undefined, undefined]]);
});

test("stacked series stand on each other", () => {
  assert.deepEqual(
    stack(
      [
        [1, 2, null],
        [3, 4, 5],
      ],
      false,
    ),
    [
      [1, 2, 0],
      [4, 6, 5],
    ],
  );
  assert.deepEqual(
    stack(
      [
        [1, undefined, 1, 1, 1, 1],
        [undefined, 2, undefined, 2, null, undefined],
        [3, 3, 3, 3, 3, 3],
      ],
      false,
    ),
    [
      [1, undefined, 1, 1, 1, 1],
      [1, 2, undefined, 3, 1, 1],
      [4, 5, 4, 6, 4, 4],
    ],
  );
  assert.deepEqual(
    stack(
      [
        [1, 0],
        [3, 0],
      ],
      true,
    ),
    [
      [0.25, 0],
      [1, 0],
    ],
  );
});

test("only series of one mode and group stand on each other", () => {
  const one = (stacking?: unknown) => ({ config: { custom: { stacking } } }) as any;
  const memory = [
    { mode: "normal", group: "A" },
    { mode: "normal", group: false },
    { mode: "normal" },
    { mode: "percent" },
    undefined,
    { mode: "none" },
  ];
  assert.deepEqual(stacks(memory.map(one)), [
    { mode: "normal", at: [0, 2] },
    { mode: "normal", at: [1] },
    { mode: "percent", at: [3] },
  ]);
});

const frame = (name: string, labels: Record<string, string>, values: any[], entities?: Record<string, number[]>) => ({
  schema: {
    refId: "A",
    fields: [
      { name: "Time", type: "time" },
      { name: "Value", type: "number", labels, config: name ? { displayNameFromDS: name } : {} },
    ],
  },
  data: { values: [values.map((_, i) => i), values], entities: entities ? [null, entities] : undefined },
});

test("series without a name are named by what tells them apart", () => {
  const names = (...all: Record<string, string>[]) => decode(all.map((l) => frame("", l, [1]))).map((f) => f.fields[1].label);
  assert.deepEqual(names({ job: "node", instance: "a" }, { job: "node", instance: "b" }), ["a", "b"]);
  assert.deepEqual(names({ x: "1", y: "1" }, { x: "2", y: "2" }), ['{x="1", y="1"}', '{x="2", y="2"}']);
  assert.deepEqual(names({ __name__: "up", job: "node" }), ["node"]);
  assert.deepEqual(names({}), ["Value"]);
});

test("numbers that JSON lacks come back", () => {
  assert.deepEqual(decode([frame("x", {}, [null, 1, null], { NaN: [0], Inf: [2] })])[0].fields[1].values, [NaN, 1, Infinity]);
});

test("overrides", () => {
  const panel = {
    fieldConfig: {
      defaults: { unit: "s" },
      overrides: [
        {
          matcher: { id: "byRegexp", options: "/^a/" },
          properties: [
            { id: "unit", value: "bytes" },
            { id: "custom.lineWidth", value: 3 },
            { id: "displayName", value: "${__field.labels.i}!" },
          ],
        },
      ],
    },
  };
  const [a, b] = settle(decode([frame("ab", { i: "x" }, [1]), frame("b", {}, [1])]), panel);
  assert.equal(a.fields[1].config.unit, "bytes");
  assert.equal(a.fields[1].config.custom!.lineWidth, 3);
  assert.equal(a.fields[1].label, "x!");
  assert.equal(b.fields[1].config.unit, "s");
});

test("calculations", () => {
  const values = [null, 4, 1, NaN, 2, null];
  for (const [calc, want] of [
    ["lastNotNull", 2],
    ["firstNotNull", 4],
    ["min", 1],
    ["max", 4],
    ["mean", 7 / 3],
    ["sum", 7],
    ["count", 6],
    ["range", 3],
    ["diff", -2],
    ["delta", 1],
    ["last", null],
  ] as const)
    assert.equal(reduce(values, calc), want, calc);
  assert.equal(reduce([], "max"), null);
  assert.equal(reduce([], "sum"), 0);
});

test("merge joins rows whose labels are equal", () => {
  const table = (refId: string, names: string[], values: number[]) => ({
    schema: {
      refId,
      fields: [
        { name: "instance", type: "string" },
        { name: "Value", type: "number" },
      ],
    },
    data: { values: [names, values] },
  });
  const [merged, ...rest] = transform(decode([table("A", ["x", "y"], [1, 2]), table("B", ["y", "z"], [3, 4])]), [
    { id: "merge", options: {} },
    { id: "organize", options: { renameByName: { "Value #A": "Load" } } },
  ]);
  assert.equal(rest.length, 0);
  assert.deepEqual(
    merged.fields.map((f) => [f.label, ...f.values]),
    [
      ["instance", "x", "y", "z"],
      ["Load", 1, 2, null],
      ["Value #B", null, 3, 4],
    ],
  );
});

test("what completes where", () => {
  assert.deepEqual(wanted("rate(node_"), { kind: "name", typed: "node_" });
  assert.deepEqual(wanted("up{ins"), { kind: "label", metric: "up", typed: "ins" });
  assert.deepEqual(wanted('up{job="node",instance=~"he'), { kind: "value", metric: "up", label: "instance", typed: "he" });
  assert.deepEqual(wanted("sum by (job, in"), { kind: "label", metric: "", typed: "in" });
  assert.deepEqual(wanted('up{job="node"} + no'), { kind: "name", typed: "no" });
  assert.equal(wanted("rate(up[5"), null);
});
