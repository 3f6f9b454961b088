import assert from "node:assert/strict";
import { test } from "node:test";
import { format, timeMark, timeSteps } from "./units";

const cases: [number | null, string, number | undefined, string][] = [
  [0.4567, "percentunit", undefined, "45.7%"],
  [0.07, "percentunit", undefined, "7%"],
  [12.5, "percent", 2, "12.50%"],
  [1, "percentunit", undefined, "100%"],
  [0, "bytes", undefined, "0 B"],
  [1536, "bytes", undefined, "1.5 KiB"],
  [64 * 2 ** 30, "bytes", undefined, "64 GiB"],
  [1500, "decbytes", undefined, "1.5 kB"],
  [-2048, "bytes", undefined, "-2 KiB"],
  [2 ** 21, "binBps", undefined, "2 MiB/s"],
  [2.5e6, "Bps", undefined, "2.5 MB/s"],
  [1e9, "bps", undefined, "1 Gb/s"],
  [3, "mbytes", undefined, "3 MiB"],
  [90, "s", undefined, "1.5 mins"],
  [0.0042, "s", undefined, "4.2 ms"],
  [1500, "ms", undefined, "1.5 s"],
  [86400, "s", undefined, "1 day"],
  [0, "s", undefined, "0 s"],
  [1234, "short", undefined, "1.23 K"],
  [2.5e6, "short", undefined, "2.5 Mil"],
  [0.001234, "short", undefined, "0.00123"],
  [21.5, "celsius", undefined, "21.5 °C"],
  [1500, "watt", undefined, "1.5 kW"],
  [0.002, "watt", undefined, "2 mW"],
  [2.4e9, "hertz", undefined, "2.4 GHz"],
  [12.34, "reqps", undefined, "12.3 req/s"],
  [1200, "reqps", undefined, "1.2K req/s"],
  [3.14159, "none", undefined, "3.14"],
  [3.14159, "none", 3, "3.142"],
  [1, "bool", undefined, "True"],
  [0, "bool_yes_no", undefined, "No"],
  [93784, "dtdurations", undefined, "1 day 2 hours"],
  [5, "suffix:jobs", undefined, "5 jobs"],
  [5, "widgets", undefined, "5 widgets"],
  [null, "bytes", undefined, "–"],
  [NaN, "bytes", undefined, "NaN"],
  [Infinity, "", undefined, "∞"],
  [-5, "", undefined, "-5"],
  [23.2, "currencyUSD", undefined, "$23.2"],
  [-1500, "currencyEUR", 1, "-€1.5K"],
];

for (const [value, unit, decimals, want] of cases) {
  test(`${value} in ${unit || "no unit"} is ${want}`, () => assert.equal(format(value, unit, decimals), want));
}

test("marks of axes of time are round in one part of time", () => {
  const marks = (unit: string, step: number, ...values: number[]) => values.map((v) => timeMark(v, unit, step));
  assert.deepEqual(marks("s", 600, 0, 600, 3600, 4200), ["0", "10 mins", "60 mins", "70 mins"]);
  assert.deepEqual(marks("s", 1800, 1800, 3600, 5400), ["0.5 hours", "1 hour", "1.5 hours"]);
  assert.deepEqual(marks("s", 0.005, 0.005, 0.01), ["5 ms", "10 ms"]);
  assert.deepEqual(marks("ms", 500, 500, 1500), ["500 ms", "1500 ms"]);
  assert.deepEqual(marks("s", 86400, 86400, 172800), ["1 day", "2 days"]);
  assert.ok(timeSteps("s")!.includes(600) && timeSteps("ms")!.includes(600000) && timeSteps("short") === undefined);
});
