// Queries to CloudWatch, as Grafana's page sends them: metrics like all others, and logs in
// two steps, by an action that starts a query and one that asks what it found.

import { query, type Query, type Results, type Source } from "./api";
import type { Target } from "./model";

/** LogQuery is a query of logs with what it needs to be started. */
export interface LogQuery extends Query {
  logGroupNames: string[];
  expression: string;
}

export const isLogs = (t: Target) => t.queryMode === "Logs";

/** metricQuery is a panel's query with its variables filled in, wherever they stand. */
export function metricQuery(
  t: Target,
  source: Source,
  fill: (text: string) => string,
  more: { maxDataPoints: number; intervalMs: number },
): LogQuery {
  const filled = (v: unknown): unknown => {
    if (typeof v === "string") return fill(v);
    if (Array.isArray(v)) return v.map(filled);
    if (typeof v === "object" && v !== null) return Object.fromEntries(Object.entries(v).map(([k, w]) => [k, filled(w)]));
    return v;
  };
  // A label has parts like ${PROP('MetricName')}, which are CloudWatch's own to fill in.
  const q = filled({ ...t, datasource: undefined }) as Record<string, unknown>;
  const names = Array.isArray(q.logGroupNames) ? q.logGroupNames.map(String) : [];
  return {
    ...q,
    refId: t.refId,
    datasource: { uid: source.uid, type: source.type },
    expression: String(q.expression ?? ""),
    logGroupNames: names,
    ...more,
  };
}

const wait = (ms: number) => new Promise((done) => setTimeout(done, ms));

/** queryLogs starts queries and asks until they are complete. */
export async function queryLogs(queries: LogQuery[], from: number, to: number, signal: AbortSignal): Promise<Results> {
  const all = await Promise.all(queries.map((q) => queryLog(q, from, to, signal)));
  return { frames: all.flatMap((r) => r.frames), errors: all.flatMap((r) => r.errors) };
}

async function queryLog(q: LogQuery, from: number, to: number, signal: AbortSignal): Promise<Results> {
  const act = (subtype: string, rest: object) => query([{ ...q, type: "logAction", subtype, ...rest }], from, to, signal);
  const started = await act("StartQuery", { queryString: q.expression });
  const queryId = started.frames[0]?.data.values[0]?.[0];
  if (started.errors.length > 0 || !queryId) return started;
  for (let pause = 200; ; pause = Math.min(pause * 2, 5000)) {
    const found = await act("GetQueryResults", { queryId });
    const status = found.frames[0]?.schema.meta?.custom?.Status;
    if (found.errors.length > 0 || !["Running", "Scheduled"].includes(String(status))) return found;
    await wait(pause);
  }
}
