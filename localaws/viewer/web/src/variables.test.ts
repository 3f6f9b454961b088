import assert from "node:assert/strict";
import { test } from "node:test";
import { Variables } from "./variables";

const app = {
  user: { role: "Viewer" },
  settings: {
    sources: [
      { uid: "amp", name: "Amazon Managed Prometheus", type: "grafana-amazonprometheus-datasource", isDefault: true, jsonData: {} },
      { uid: "second", name: "Second", type: "prometheus", isDefault: false, jsonData: {} },
    ],
  },
} as any;

const load = async (model: any, address = "") => {
  const variables = new Variables([{ name: "v", ...model }], new URLSearchParams(address));
  await variables.load(app, { from: 0, to: 1000 }, () => {});
  return variables.list[0].selected;
};

test("a saved value counts only when the options are known", async () => {
  const fetched = globalThis.fetch;
  globalThis.fetch = async () => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    return new Response(JSON.stringify({ status: "success", data: ["a1", "a2"] }));
  };
  try {
    const query = { type: "query", query: "label_values(up, instance)", current: { value: "elsewhere" } };
    assert.deepEqual(await load(query), ["a1"]);
  } finally {
    globalThis.fetch = fetched;
  }
});

const custom = { type: "custom", query: "a, Bee : b, c" };
const cases: [string, any, string, string[]][] = [
  ["a data source of another place", { type: "datasource", query: "prometheus", current: { text: "prod", value: "P1809" } }, "", ["amp"]],
  ["one saved by its name", { type: "datasource", query: "prometheus", current: { text: "Second", value: "Second" } }, "", ["second"]],
  ["the default one", { type: "datasource", query: "prometheus", current: { text: "default", value: "default" } }, "", ["default"]],
  ["of a type that is not here", { type: "datasource", query: "loki", current: { text: "l", value: "l" } }, "", ["l"]],
  ["an option", { ...custom, current: { text: "c", value: "c" } }, "", ["c"]],
  ["none of the options", { ...custom, current: { text: "x", value: "x" } }, "", ["a"]],
  ["some of the options", { ...custom, multi: true, current: { value: ["x", "c"] } }, "", ["c"]],
  ["none, where all may be chosen", { ...custom, includeAll: true, current: { value: "x" } }, "", ["$__all"]],
  ["all, where it may not be chosen", { ...custom, current: { text: "All", value: "$__all" } }, "", ["a"]],
  ["an option by its text", { ...custom, current: { text: "Bee", value: "old" } }, "", ["b"]],
  ["what the address asks for", { ...custom, current: { value: "a" } }, "var-v=x", ["x"]],
  ["what somebody typed", { type: "textbox", query: "", current: { value: "typed" } }, "", ["typed"]],
];

for (const [name, model, address, want] of cases) test(name, async () => assert.deepEqual(await load(model, address), want));
