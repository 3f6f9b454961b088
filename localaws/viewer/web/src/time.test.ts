import assert from "node:assert/strict";
import { test } from "node:test";
import { at, describe, duration, durationText, interval, isRange, resolve } from "./time";

const now = new Date(2026, 0, 15, 12, 34, 56, 789).getTime();
const local = (...parts: [number, number, number, number?, number?, number?, number?]) => new Date(...parts).getTime();

test("relative times", () => {
  assert.equal(at("now", now), now);
  assert.equal(at("now-6h", now), now - 6 * 3600_000);
  assert.equal(at("now-1M", now), local(2025, 11, 15, 12, 34, 56, 789));
  assert.equal(at("now-1d/d", now), local(2026, 0, 14));
  assert.equal(at("now/d", now, true), local(2026, 0, 16) - 1);
  assert.equal(at("now/w", now), local(2026, 0, 12));
  for (const bad of ["", "soon", "now-", "now-5x", "now--5m"]) assert.equal(at(bad, now), undefined, bad);
});

test("absolute times", () => {
  assert.equal(at("1700000000000", now), 1700000000000);
  assert.equal(at("2026-01-31 12:00:00", now), local(2026, 0, 31, 12));
});

test("a range that is none is the last hour", () => {
  assert.deepEqual(resolve({ from: "x", to: "now" }, now), { from: now - 3600_000, to: now });
  assert.deepEqual(resolve({ from: "now", to: "now-1h" }, now), { from: now - 3600_000, to: now });
});

test("durations", () => {
  for (const [text, ms] of [
    ["30s", 30_000],
    [">1m", 60_000],
    ["250ms", 250],
    ["1.5h", 5_400_000],
    ["nonsense", 0],
  ] as const)
    assert.equal(duration(text), ms, text);
  for (const [ms, text] of [
    [15_000, "15s"],
    [60_000, "1m"],
    [3600_000, "1h"],
    [90_000, "90s"],
    [250, "250ms"],
  ] as const)
    assert.equal(durationText(ms), text);
});

test("the interval is round and not below the scrape interval", () => {
  assert.equal(interval({ from: 0, to: 3600_000 }, 600, 15_000), 15_000);
  assert.equal(interval({ from: 0, to: 86400_000 }, 600, 15_000), 300_000);
  assert.equal(interval({ from: 0, to: 3600_000 }, 0, 1000), 3600_000);
});

test("ranges in words", () => {
  assert.equal(describe({ from: "now-6h", to: "now" }), "Last 6 hours");
  assert.equal(describe({ from: "now-6h", to: "now-1h" }), "now-6h to now-1h");
});

test("times that no calendar has", () => {
  for (const text of ["garbage", "now-9999999y", "99999999999999999999", "nowhere"]) assert.equal(at(text, Date.now()), undefined, text);
  assert.equal(isRange({ from: "now", to: "now-1h" }), false);
  assert.equal(isRange({ from: "now-1h", to: "now" }), true);
});
