// What a dashboard of another place asks of the one that imports it: values for its
// inputs, and data sources for those that it names and that are not there.

import type { Input, Source } from "./api";
import { isOf } from "./app";

/** Need is one thing to be chosen. */
export interface Need {
  kind: "source" | "input" | "constant"; // a data source that is named; one that is an input; a text that is
  name: string; // uid or name of the data source; the input's name
  label: string;
  type: string; // of the data source; "" when nobody knows
  value: string; // that is proposed: a data source's uid, or a constant's text
}

const isObject = (v: unknown): v is Record<string, any> => typeof v === "object" && v !== null && !Array.isArray(v);
const text = (v: unknown): string => (typeof v === "string" ? v : "");

/** candidates are the data sources that may stand for one of a type. */
export function candidates(type: string, sources: Source[]): Source[] {
  return sources.filter((s) => type === "" || isOf(s, type));
}

function proposed(type: string, sources: Source[]): string {
  const some = candidates(type, sources);
  return (some.find((s) => s.isDefault) ?? some[0])?.uid ?? "";
}

/** needs are what has to be chosen before a dashboard works here. */
export function needs(dashboard: Record<string, any>, sources: Source[]): Need[] {
  const inputs = (Array.isArray(dashboard.__inputs) ? dashboard.__inputs : []).filter((i) => isObject(i) && text(i.name)),
    all: Need[] = [];
  for (const i of inputs) {
    const label = text(i.label) || text(i.name);
    if (i.type === "datasource")
      all.push({ kind: "input", name: i.name, label, type: text(i.pluginId), value: proposed(text(i.pluginId), sources) });
    else all.push({ kind: "constant", name: i.name, label, type: text(i.type), value: text(i.value) });
  }
  const variables = new Set([...inputs, ...list(dashboard.templating?.list).filter(isObject)].map((v) => text(v.name))),
    met = new Map<string, string>();
  walk(dashboard, (ref) => {
    const { uid, type } = parts(ref);
    if (!missing(uid, variables, sources)) return;
    met.set(uid, met.get(uid) || type || (["prometheus", "cloudwatch"].find((t) => t === uid.toLowerCase()) ?? ""));
  });
  for (const [name, type] of met) all.push({ kind: "source", name, label: name, type, value: proposed(type, sources) });
  return all;
}

const list = (v: unknown): any[] => (Array.isArray(v) ? v : []);

const parts = (ref: unknown) =>
  typeof ref === "string" ? { uid: ref, type: "" } : { uid: text((ref as any)?.uid), type: text((ref as any)?.type) };

/** missing reports whether a data source is named that is not here. Those of Grafana's
 * own are everywhere, and variables name others. */
function missing(uid: string, variables: Set<string>, sources: Source[]): boolean {
  if (["", "default", "grafana"].includes(uid) || uid.startsWith("-- ")) return false;
  const variable = /^(?:\$(\w+)|\$\{(\w+)[^}]*\}|\[\[(\w+).*\]\])$/.exec(uid);
  if (variable) return !variables.has(variable[1] ?? variable[2] ?? variable[3]);
  return !sources.some((s) => s.uid === uid || s.name === uid);
}

/** walk calls with each reference to a data source; what it returns takes its place. */
function walk(v: unknown, visit: (ref: unknown) => unknown): void {
  if (Array.isArray(v)) for (const x of v) walk(x, visit);
  if (!isObject(v)) return;
  for (const [key, x] of Object.entries(v)) {
    if (key === "datasource" && (typeof x === "string" || isObject(x))) {
      const other = visit(x);
      if (other !== undefined) v[key] = other;
    } else walk(x, visit);
  }
}

/** resolved is a dashboard in which the chosen data sources stand for those that are
 * not there, and the values of its inputs, which the server fills in. */
export function resolved(
  dashboard: Record<string, any>,
  chosen: Need[],
  sources: Source[],
): { dashboard: Record<string, any>; inputs: Input[] } {
  const copy = structuredClone(dashboard),
    stands = new Map(chosen.filter((n) => n.kind === "source").map((n) => [n.name, sources.find((s) => s.uid === n.value)]));
  walk(copy, (ref) => {
    const source = stands.get(parts(ref).uid);
    return source && { type: source.type, uid: source.uid };
  });
  const inputs = chosen
    .filter((n) => n.kind !== "source")
    .map((n) => ({
      name: n.name,
      type: n.kind === "input" ? "datasource" : n.type,
      pluginId: n.kind === "input" ? n.type : "",
      value: n.value,
    }));
  return { dashboard: copy, inputs };
}
