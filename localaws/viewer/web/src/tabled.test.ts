import assert from "node:assert/strict";
import { test } from "node:test";
import type { Frame } from "./frames";
import { newestFirst } from "./panels/tabled";

test("series as a table have the newest first", () => {
  const column = (name: string, type: string, values: number[]) => ({ name, label: name, type, labels: {}, values, config: {} });
  const series = (name: string, times: number[]): Frame => ({
    refId: "A",
    fields: [
      column("Time", "time", times),
      column(
        name,
        "number",
        times.map((t) => t * 10),
      ),
    ],
  });
  const shown = newestFirst([series("x", [1, 2]), series("y", [2])]).map((f) => f.fields.map((x) => [x.label, ...x.values]));
  assert.deepEqual(shown, [
    [
      ["Time", 2, 1],
      ["x", 20, 10],
      ["y", 20, null],
    ],
  ]);
});
