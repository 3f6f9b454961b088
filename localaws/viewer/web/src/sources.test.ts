import assert from "node:assert/strict";
import { test } from "node:test";
import { sourceOf } from "./app";

const source = (uid: string, name: string, type: string, isDefault = false) => ({ uid, name, type, isDefault, jsonData: {} });
const sources = [
  source("amp", "Amazon Managed Prometheus", "grafana-amazonprometheus-datasource", true),
  source("cw", "CloudWatch", "cloudwatch"),
  source("second", "amp", "prometheus"),
];

test("data sources are found by uid, then by name, then by type", () => {
  const app = { settings: { sources } } as any;
  const uid = (ref: any) => sourceOf(app, ref, (t) => t.replace("$ds", "cw"))?.uid;
  for (const [ref, want] of [
    [null, "amp"],
    ["", "amp"],
    ["default", "amp"],
    ["CloudWatch", "cw"],
    [{ uid: "CloudWatch" }, "cw"],
    ["amp", "amp"], // a uid goes before another's name
    [{ uid: "$ds" }, "cw"],
    [{ type: "cloudwatch" }, "cw"],
    [{ type: "prometheus" }, "amp"],
    [{ type: "loki" }, undefined],
    [{ uid: "prometheus" }, undefined],
    ["${DS_PROMETHEUS}", undefined],
  ] as const)
    assert.equal(uid(ref), want, JSON.stringify(ref));
});
