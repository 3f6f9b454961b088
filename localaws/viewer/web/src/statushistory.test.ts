import assert from "node:assert/strict";
import { test } from "node:test";
import { cells } from "./panels/statushistory";

test("a cell is over the time up to its point, and a gap has none", () => {
  const shown = cells([
    { times: [60000, 120000, 240000], values: [1, null, 3] },
    { times: [120000], values: [Number.NaN] },
    { times: [120000], values: [0] },
  ]);
  assert.deepEqual(shown, [
    { row: 0, from: 0, to: 60000, value: 1 },
    { row: 0, from: 180000, to: 240000, value: 3 },
    { row: 2, from: 60000, to: 120000, value: 0 },
  ]);
});
