import assert from "node:assert/strict";
import { test } from "node:test";
import type { Hit } from "./api";
import { following, tagged } from "./links";
import { colourKey } from "./look";

const variables = {
  list: [
    { name: "cluster", selected: ["a b"] },
    { name: "node", selected: ["n-1", "n-2"] },
  ],
} as any;
const range = { from: "now-1h", to: "now" };

test("a link keeps time and variables where it says so", () => {
  const all = following({ type: "dashboards", keepTime: true, includeVars: true }, variables, range);
  assert.equal(all, "?from=now-1h&to=now&var-cluster=a+b&var-node=n-1&var-node=n-2");
  assert.equal(following({ type: "dashboards", keepTime: true }, variables, range), "?from=now-1h&to=now");
  assert.equal(following({ type: "dashboards" }, variables, range), "");
});

test("a link leads to dashboards that have its tags", () => {
  const hit = (title: string, type: string, tags: string[]) => ({ title, type, tags }) as Hit;
  const all = [hit("both", "dash-db", ["a", "b"]), hit("one", "dash-db", ["a"]), hit("folder", "dash-folder", ["a", "b"])];
  assert.deepEqual(
    tagged(all, ["a", "b"]).map((h) => h.title),
    ["both"],
  );
});

test("colours are explained by texts or thresholds", () => {
  (globalThis as any).document = { documentElement: { dataset: {} } };
  const config = {
    unit: "percentunit",
    thresholds: {
      mode: "absolute" as const,
      steps: [
        { value: null, color: "#000" },
        { value: 0.05, color: "#111" },
        { value: 0.3, color: "#222" },
      ],
    },
  };
  assert.deepEqual(colourKey(config), [
    { text: "< 5%", color: "#000" },
    { text: "≥ 5%", color: "#111" },
    { text: "≥ 30%", color: "#222" },
  ]);
  const named = {
    ...config,
    color: { mode: "thresholds" },
    mappings: [{ type: "value", options: { "0": { text: "off" }, "1": { text: "on" } } }],
  };
  assert.deepEqual(colourKey(named), [
    { text: "off", color: "#000" },
    { text: "on", color: "#222" },
  ]);
});
