// What all pages share: who is there, which data sources there are, and where the
// browser is.

import type { Settings, Source, User } from "./api";
import type { SourceRef } from "./model";

export interface App {
  user: User;
  settings: Settings;
}

export const mayEdit = (app: App) => app.user.role !== "Viewer";

/** go opens another page of this program. */
export function go(path: string): void {
  history.pushState(null, "", path);
  dispatchEvent(new Event("route"));
}

/** parameters are those of the address. */
export const parameters = () => new URLSearchParams(location.search);

/** setParameters changes some of the address; undefined takes one away. */
export function setParameters(change: Record<string, string | string[] | undefined>, replace = false): void {
  const all = parameters();
  for (const [name, value] of Object.entries(change)) {
    all.delete(name);
    for (const v of value === undefined ? [] : [value].flat()) all.append(name, v);
  }
  const search = all.toString().replaceAll("%24", "$").replaceAll("%3A", ":").replaceAll("%2F", "/");
  const address = location.pathname + (search && "?" + search);
  if (address === location.pathname + location.search) return;
  history[replace ? "replaceState" : "pushState"](null, "", address);
}

export const isPrometheus = (s: Source) => s.type === "prometheus" || s.type === "grafana-amazonprometheus-datasource";

/** isOf reports whether a data source is of the type that a dashboard asks for;
 * Amazon's for Prometheus stands for Prometheus'. */
export const isOf = (s: Source, type: string) => s.type === type || (type === "prometheus" && isPrometheus(s));

/** sourceOf finds the data source that a panel or query names, by uid or else by
 * name. Where it names a type only, that is the default one if it is of the type, or
 * the first that is; where it names nothing, the default one. */
export function sourceOf(app: App, ref: SourceRef | string | null | undefined, fill: (text: string) => string): Source | undefined {
  const all = app.settings.sources,
    named = fill(typeof ref === "string" ? ref : (ref?.uid ?? "")),
    type = typeof ref === "string" ? undefined : ref?.type;
  if (named !== "" && named !== "default") return all.find((s) => s.uid === named) ?? all.find((s) => s.name === named);
  const standard = all.find((s) => s.isDefault) ?? all.find(isPrometheus);
  if (named === "default" || !type || (standard && isOf(standard, type))) return standard;
  return all.find((s) => isOf(s, type));
}
