// Grafana's HTTP API, and nothing else: the pages work on any Grafana that has it.

import type { Dashboard } from "./model";

/** Failure is an answer that is none, in the words of whoever refused it. */
export class Failure extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly body: any,
  ) {
    super(message);
  }
}

async function ask<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  let answer: Response;
  try {
    answer = await fetch(path, {
      method,
      signal,
      credentials: "same-origin",
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (e) {
    if (signal?.aborted) throw e;
    throw new Failure(0, "Grafana does not answer. Is it still running?", null);
  }
  const text = await answer.text();
  let value: any = null;
  try {
    value = JSON.parse(text);
  } catch {
    /* not JSON: said below */
  }
  if (answer.status === 401) {
    location.reload(); // the server knows whether to ask who this is, or to say why not
    return new Promise(() => {});
  }
  if (!answer.ok) throw new Failure(answer.status, value?.message ?? (text.slice(0, 300) || answer.statusText), value);
  if (value === null) throw new Failure(answer.status, `${path} did not answer with JSON.`, null);
  return value;
}

const get = <T>(path: string, signal?: AbortSignal) => ask<T>("GET", path, undefined, signal);

export interface User {
  login: string;
  email: string;
  name: string;
  role: "Viewer" | "Editor" | "Admin";
}

export async function currentUser(): Promise<User> {
  const [user, orgs] = await Promise.all([get<User>("/api/user"), get<{ role: User["role"] }[]>("/api/user/orgs")]);
  return { ...user, role: orgs[0]?.role ?? "Viewer" };
}

export interface Source {
  uid: string;
  name: string;
  type: string;
  isDefault: boolean;
  jsonData: Record<string, any>;
}
export interface Settings {
  version: string;
  sources: Source[];
}

/** settings have the data sources in them, which viewers may not list otherwise. */
export async function settings(): Promise<Settings> {
  const all = await get<{ buildInfo: { version: string }; datasources: Record<string, any>; defaultDatasource: string }>(
    "/api/frontend/settings",
  );
  const sources = Object.entries(all.datasources)
    .filter(([, d]) => !d.meta?.builtIn)
    .map(([name, d]) => ({
      uid: d.uid,
      name: d.name ?? name,
      type: d.type,
      isDefault: name === all.defaultDatasource,
      jsonData: d.jsonData ?? {},
    }));
  return { version: all.buildInfo.version, sources };
}

export interface Hit {
  uid: string;
  title: string;
  url: string;
  type: string;
  tags: string[];
  folderTitle?: string;
  folderUid?: string;
}

export const search = (query = "") => get<Hit[]>(`/api/search?limit=1000&query=${encodeURIComponent(query)}`);

export interface Meta {
  canSave: boolean;
  canEdit: boolean;
  canDelete: boolean;
  folderUid: string;
  folderTitle: string;
  updated: string;
  updatedBy: string;
  version: number;
  url: string;
}

export const dashboard = (uid: string) => get<{ dashboard: unknown; meta: Meta }>(`/api/dashboards/uid/${encodeURIComponent(uid)}`);
export const saveDashboard = (dashboard: Dashboard, folderUid: string, overwrite = false) =>
  ask<{ uid: string; url: string; version: number; id: number }>("POST", "/api/dashboards/db", {
    dashboard,
    folderUid,
    overwrite,
    message: "",
  });
export interface Input {
  name: string;
  type: string;
  pluginId: string;
  value: string;
}
export const importDashboard = (dashboard: unknown, folderUid: string, inputs: Input[], overwrite: boolean) =>
  ask<{ uid: string; importedUrl: string }>("POST", "/api/dashboards/import", { dashboard, folderUid, inputs, overwrite });
export const deleteDashboard = (uid: string) => ask("DELETE", `/api/dashboards/uid/${encodeURIComponent(uid)}`);
export const folders = () => get<{ uid: string; title: string }[]>("/api/folders?limit=1000");
export const createFolder = (title: string) => ask<{ uid: string; title: string }>("POST", "/api/folders", { title });

/** health checks a data source; a failing one answers too. */
export async function health(uid: string): Promise<{ ok: boolean; message: string }> {
  try {
    const said = await get<{ status: string; message: string }>(`/api/datasources/uid/${encodeURIComponent(uid)}/health`);
    return { ok: said.status === "OK", message: said.message };
  } catch (e) {
    return { ok: false, message: (e as Error).message };
  }
}

/** Query is one of a panel, as its data source takes it. */
export interface Query {
  refId: string;
  datasource: { uid: string; type?: string };
  intervalMs: number;
  maxDataPoints: number;
  [other: string]: unknown;
}
export interface RawFrame {
  schema: {
    name?: string;
    refId?: string;
    meta?: { custom?: Record<string, unknown> };
    fields: { name: string; type: string; labels?: Record<string, string>; config?: Record<string, any> }[];
  };
  data: { values: any[][]; entities?: (Record<string, number[]> | null)[] };
}
export interface Results {
  frames: RawFrame[];
  errors: { refId: string; message: string }[];
}

/** query asks all queries of a panel at once; those that fail are in errors. */
export async function query(queries: Query[], from: number, to: number, signal?: AbortSignal): Promise<Results> {
  type Answer = { results?: Record<string, { frames?: RawFrame[]; error?: string }> };
  let answer: Answer;
  try {
    answer = await ask<Answer>("POST", "/api/ds/query", { queries, from: String(from), to: String(to) }, signal);
  } catch (e) {
    if (!(e instanceof Failure) || !e.body?.results) throw e;
    answer = e.body;
  }
  const results: Results = { frames: [], errors: [] };
  for (const [refId, r] of Object.entries(answer.results ?? {}).sort(([a], [b]) => a.localeCompare(b))) {
    if (r.error) results.errors.push({ refId, message: r.error });
    results.frames.push(...(r.frames ?? []));
  }
  return results;
}

/** logGroups are the names and ARNs of CloudWatch's log groups that begin with a prefix. */
export async function logGroups(uid: string, region: string, prefix: string): Promise<{ arn: string; name: string }[]> {
  const search = new URLSearchParams({ region, logGroupNamePrefix: prefix, listAllLogGroups: "true" });
  const groups = await get<{ value: { arn: string; name: string } }[]>(
    `/api/datasources/uid/${encodeURIComponent(uid)}/resources/log-groups?${search}`,
  );
  return groups.map((g) => g.value);
}

/** resource asks Prometheus' own API through a data source. */
export async function resource<T>(uid: string, path: string, form: [string, string][], signal?: AbortSignal): Promise<T> {
  const search = new URLSearchParams(form).toString();
  const answer = await get<{ status: string; data: T; error?: string }>(
    `/api/datasources/uid/${encodeURIComponent(uid)}/resources/api/v1/${path}?${search}`,
    signal,
  );
  return answer.data;
}
