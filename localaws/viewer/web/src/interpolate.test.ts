import assert from "node:assert/strict";
import { test } from "node:test";
import { interpolate, legend, type Scope } from "./interpolate";

const one = (value: string | string[], multi = false, text = ""): Scope[string] => ({ value, multi, text });
const scope: Scope = {
  node: one(["a.b", "c"], true, "a.b + c"),
  single: one(["a.b"], true),
  all: one(".*", true, "All"),
  job: one('we"b'),
  rate: one("5m", false, "5m"),
};

const cases: [string, "promql" | "text", string][] = [
  ['up{x=~"$node"}', "promql", 'up{x=~"(a\\\\.b|c)"}'],
  ['up{x=~"$single"}', "promql", 'up{x=~"a\\\\.b"}'],
  ['up{x=~"$all"}', "promql", 'up{x=~".*"}'],
  ['up{x="$job"}', "promql", 'up{x="we\\"b"}'],
  ["rate(x[$rate])", "promql", "rate(x[5m])"],
  ["rate(x[$__rate_interval])", "promql", "rate(x[$__rate_interval])"],
  ["${node:csv} ${node:pipe} ${node:regex}", "text", "a.b,c a.b|c (a\\.b|c)"],
  ["${node:text} [[rate]] $nodes", "text", "a.b + c 5m $nodes"],
  ["${__range_s}", "promql", "${__range_s}"],
  ["${node:json}", "text", '["a.b","c"]'],
  ["costs $5", "text", "costs $5"],
];

for (const [text, context, want] of cases) test(`${context}: ${text}`, () => assert.equal(interpolate(text, scope, context), want));

test("legend", () => assert.equal(legend("{{instance}} {{ mode }} {{none}}!", { instance: "head", mode: "idle" }), "head idle !"));
