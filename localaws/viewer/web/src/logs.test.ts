import assert from "node:assert/strict";
import { test } from "node:test";
import { metricQuery } from "./cloudwatch";
import { decode } from "./frames";
import { levelOf, linesOf } from "./panels/logs";

test("lines of a log are read from CloudWatch's fields", () => {
  const frames = decode([
    {
      schema: {
        refId: "A",
        fields: [
          { name: "@timestamp", type: "time" },
          { name: "__logstream__grafana_internal__", type: "string" },
          { name: "@logStream", type: "string" },
          { name: "@message", type: "string" },
        ],
      },
      data: {
        values: [
          [2000, 1000],
          ["s", "s"],
          ["head", "node"],
          ["ERROR - a", null],
        ],
      },
    },
  ]);
  assert.deepEqual(linesOf(frames), [
    { at: 2000, from: "s", text: "ERROR - a" },
    { at: 1000, from: "s", text: "" },
  ]);
});

test("a line's level is what it says", () => {
  assert.deepEqual(["an ERROR here", "error: x", "WARNING - y", "terror", "information"].map(levelOf), ["bad", "bad", "warn", "", ""]);
});

test("variables of a query to CloudWatch are filled in wherever they stand", () => {
  const q = metricQuery(
    { refId: "A", dimensions: { ClusterName: "$cluster" }, logGroupNames: ["$group"], label: "${PROP('MetricName')}", period: "300" },
    { uid: "cw", name: "CloudWatch", type: "cloudwatch", isDefault: false, jsonData: {} },
    (text) => text.replace("$cluster", "one").replace("$group", "/aws/x"),
    { maxDataPoints: 100, intervalMs: 1000 },
  );
  assert.deepEqual(
    [q.dimensions, q.logGroupNames, q.label, q.datasource.uid],
    [{ ClusterName: "one" }, ["/aws/x"], "${PROP('MetricName')}", "cw"],
  );
});
