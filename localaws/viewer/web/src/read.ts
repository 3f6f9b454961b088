// Dashboards as people write them: whatever Grafana fills in when it is missing, is
// of another type or is null, is filled in here too. The pages rely on it; what they
// do not know is kept as it is.

import { blank, type Dashboard, type FieldConfig, type GridPos, type Panel, type Target, type Thresholds } from "./model";
import { modern } from "./older";
import { isRange } from "./time";

const columns = 24,
  tallest = 500; // grid rows: more is a slip of the pen, and would be an endless page

const isObject = (v: unknown): v is Record<string, any> => typeof v === "object" && v !== null && !Array.isArray(v);
const objects = (v: unknown): Record<string, any>[] => (Array.isArray(v) ? v.filter(isObject) : []);
const object = (v: unknown): Record<string, any> => (isObject(v) ? v : {});
const text = (v: unknown): string | undefined => (typeof v === "string" ? v : typeof v === "number" ? String(v) : undefined);
const number = (v: unknown): number | undefined => (typeof v === "number" && Number.isFinite(v) ? v : undefined);
const list = (v: unknown): any[] => (Array.isArray(v) ? v : []);

/** readDashboard makes a dashboard of what was stored or typed. It throws where
 * that is none at all. */
export function readDashboard(raw: unknown): Dashboard {
  if (!isObject(raw)) throw new Error("A dashboard is a JSON object, with a title and a list of panels.");
  if (raw.panels !== undefined && raw.panels !== null && !Array.isArray(raw.panels))
    throw new Error("The panels of a dashboard are a list.");
  const time = object(raw.time),
    { from, to } = { from: text(time.from), to: text(time.to) };
  const panels = objects(raw.panels),
    numbered = numbering(panels);
  return {
    ...raw,
    title: text(raw.title)?.trim() || blank().title,
    time: from && to && isRange({ from, to }) ? { ...time, from, to } : { from: "now-6h", to: "now" },
    refresh: text(raw.refresh) ?? "",
    tags: list(raw.tags).filter((t) => typeof t === "string"),
    templating: { ...object(raw.templating), list: objects(object(raw.templating).list).filter((v) => text(v.name)) as any },
    panels: placed(panels.map((p) => readPanel(p, numbered))),
  };
}

/** numbering gives panels numbers of their own: the one that they have, the first
 * time it is met, or one that none has. */
function numbering(panels: Record<string, any>[]): (id: unknown) => number {
  const met = new Set<number>();
  let next = Math.max(0, ...panels.flatMap((p) => [p, ...objects(p.panels)]).map((p) => number(p.id) ?? 0));
  return (id) => {
    const given = number(id);
    const mine = given !== undefined && given > 0 && !met.has(given) ? given : ++next;
    met.add(mine);
    return mine;
  };
}

function readPanel(given: Record<string, any>, numbered: (id: unknown) => number): Panel {
  const p = modern(given);
  const like = { ...p, id: numbered(p.id), title: text(p.title) ?? "", gridPos: p.gridPos as GridPos }; // the place is made good by placed
  if (p.type === "row") {
    // A row within a row is none in Grafana; what is in it is not lost.
    const inside = objects(p.panels).flatMap((q) => (q.type === "row" ? objects(q.panels) : [q]));
    return { ...like, type: "row", panels: placed(inside.map((q) => readPanel(q, numbered))) };
  }
  const config = object(p.fieldConfig);
  return {
    ...like,
    type: text(p.type) ?? "timeseries",
    description: text(p.description),
    options: object(p.options),
    fieldConfig: { ...config, defaults: readConfig(object(config.defaults)), overrides: objects(config.overrides).map(readOverride) },
    transformations: objects(p.transformations) as Panel["transformations"],
    targets: readTargets(p.targets),
    timeFrom: text(p.timeFrom),
    interval: text(p.interval),
    maxDataPoints: number(p.maxDataPoints),
  };
}

const readOverride = (o: Record<string, any>) => ({
  ...o,
  matcher: { ...object(o.matcher), id: text(object(o.matcher).id) ?? "" },
  properties: objects(o.properties).filter((q) => text(q.id)) as { id: string; value?: any }[],
});

function readTargets(raw: unknown): Target[] {
  const all = objects(raw),
    used = new Set(all.map((t) => text(t.refId)));
  const letters = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"].filter((l) => !used.has(l));
  return all.map((t, i) => ({
    ...t,
    refId: text(t.refId) || (letters.shift() ?? `Q${i}`),
    expr: text(t.expr) ?? "",
    legendFormat: text(t.legendFormat),
    interval: text(t.interval),
    format: text(t.format),
  }));
}

/** readConfig drops the settings of values that are none; overrides may bring some
 * that the panel does not have. */
export function readConfig(raw: FieldConfig | Record<string, any>): FieldConfig {
  const c = raw as Record<string, any>,
    decimals = number(c.decimals);
  return {
    ...c,
    unit: text(c.unit),
    decimals: decimals === undefined ? undefined : Math.max(0, Math.min(20, Math.round(decimals))),
    min: number(c.min),
    max: number(c.max),
    displayName: text(c.displayName),
    noValue: text(c.noValue),
    thresholds: readThresholds(c.thresholds),
    mappings: objects(c.mappings) as FieldConfig["mappings"],
    color: isObject(c.color)
      ? { ...c.color, mode: text(c.color.mode) ?? "palette-classic", fixedColor: text(c.color.fixedColor) }
      : undefined,
    custom: object(c.custom),
  };
}

function readThresholds(raw: unknown): Thresholds | undefined {
  const steps = objects(object(raw).steps).map((s) => ({ ...s, value: number(s.value) ?? null, color: text(s.color) ?? "green" }));
  if (steps.length === 0) return undefined;
  return { ...object(raw), mode: object(raw).mode === "percentage" ? "percentage" : "absolute", steps };
}

/** placed gives the panels without a place one below all others, and keeps the
 * others within the grid. */
function placed(panels: Panel[]): Panel[] {
  const within = (v: unknown, least: number, most: number, otherwise: number) =>
    Math.max(least, Math.min(most, Math.floor(number(v) ?? otherwise)));
  const lost = panels.filter((p) => !isObject(p.gridPos));
  for (const p of panels) {
    if (lost.includes(p)) continue;
    const row = p.type === "row",
      { x, y, w, h } = p.gridPos;
    const left = within(x, 0, columns - 1, 0);
    p.gridPos = {
      ...p.gridPos,
      x: left,
      y: within(y, 0, 1e4, 0),
      w: within(w, 1, columns - left, row ? columns : 12),
      h: within(h, 1, tallest, row ? 1 : 8),
    };
  }
  let bottom = Math.max(0, ...panels.filter((p) => !lost.includes(p)).map((p) => p.gridPos.y + p.gridPos.h));
  for (const p of lost) {
    p.gridPos = p.type === "row" ? { x: 0, y: bottom, w: columns, h: 1 } : { x: 0, y: bottom, w: 12, h: 8 };
    bottom += p.gridPos.h;
  }
  return panels;
}
