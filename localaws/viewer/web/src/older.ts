// Panels of older versions of Grafana, given the settings that newer ones read. Grafana
// does the same when it opens them.

const isObject = (v: unknown): v is Record<string, any> => typeof v === "object" && v !== null && !Array.isArray(v);
const object = (v: unknown): Record<string, any> => (isObject(v) ? v : {});
const list = (v: unknown): any[] => (Array.isArray(v) ? v : []);

/** modern is the panel in today's form; one that is in it already stays as it is. */
export function modern(p: Record<string, any>): Record<string, any> {
  let q = p;
  if (p.type === "graph") q = graph(p);
  if (p.type === "singlestat") q = singlestat(p);
  if (isObject(object(p.options).fieldOptions)) q = fieldOptions(p);
  const defaults = object(object(q.fieldConfig).defaults);
  if (!list(defaults.mappings).some((m) => typeof object(m).type === "number")) return q;
  return {
    ...q,
    fieldConfig: { ...q.fieldConfig, defaults: { ...defaults, mappings: list(defaults.mappings).filter(isObject).map(mapping) } },
  };
}

/** settings are those of a panel, with what an older one says where they say nothing. */
function settings(p: Record<string, any>, older: Record<string, any>): Record<string, any> {
  const config = object(p.fieldConfig),
    defaults = object(config.defaults);
  return { ...config, defaults: { ...older, ...defaults, custom: { ...older.custom, ...object(defaults.custom) } } };
}

const calculations: Record<string, string> = { avg: "mean", current: "lastNotNull", total: "sum", min: "min", max: "max", first: "first" };

function graph(p: Record<string, any>): Record<string, any> {
  const axis = object(list(p.yaxes)[0]),
    legend = object(p.legend),
    number = (v: unknown) => (v === null || v === undefined || v === "" || Number.isNaN(Number(v)) ? undefined : Number(v));
  const custom = {
    drawStyle: p.bars === true ? "bars" : p.lines === false && p.points === true ? "points" : "line",
    lineWidth: number(p.linewidth) ?? 1,
    fillOpacity: p.bars === true ? 100 : 10 * (number(p.fill) ?? 1),
    lineInterpolation: p.steppedLine === true ? "stepAfter" : "linear",
    spanNulls: p.nullPointMode === "connected",
    stacking: { mode: p.stack !== true ? "none" : p.percentage === true ? "percent" : "normal", group: "A" },
  };
  const shown = {
    showLegend: legend.show !== false,
    displayMode: legend.alignAsTable === true ? "table" : "list",
    placement: legend.rightSide === true ? "right" : "bottom",
    calcs: legend.values === true ? Object.keys(calculations).flatMap((c) => (legend[c] === true ? [calculations[c]] : [])) : [],
  };
  return {
    ...p,
    fieldConfig: settings(p, { unit: axis.format, min: number(axis.min), max: number(axis.max), custom }),
    options: { legend: shown, ...object(p.options) },
  };
}

function singlestat(p: Record<string, any>): Record<string, any> {
  const colors = list(p.colors),
    limits = String(p.thresholds ?? "")
      .split(",")
      .filter((v) => v.trim() !== "" && !Number.isNaN(Number(v)));
  const steps = [null, ...limits.map(Number)].map((value, i) => ({ value, color: String(colors[i] ?? "green") }));
  const maps = list(p.valueMaps)
    .filter(isObject)
    .map((m) => ({ type: 1, ...m }));
  return {
    ...p,
    type: object(p.gauge).show === true ? "gauge" : "stat",
    fieldConfig: settings(p, {
      unit: p.format,
      decimals: p.decimals,
      min: object(p.gauge).minValue,
      max: object(p.gauge).maxValue,
      thresholds: { mode: "absolute", steps },
      color: { mode: "thresholds" },
      mappings: maps,
    }),
    options: {
      reduceOptions: { calcs: [calculations[p.valueName] ?? (typeof p.valueName === "string" ? p.valueName : "mean")], values: false },
      colorMode: p.colorBackground === true ? "background" : p.colorValue === true ? "value" : "none",
      graphMode: object(p.sparkline).show === true ? "area" : "none",
      ...object(p.options),
    },
  };
}

/** fieldOptions are where gauges and stats had their settings before version 7. */
function fieldOptions(p: Record<string, any>): Record<string, any> {
  const { fieldOptions: older, ...options } = object(p.options);
  return {
    ...p,
    fieldConfig: { overrides: list(older.overrides), ...settings(p, object(older.defaults)) },
    options: { ...options, reduceOptions: { calcs: list(older.calcs), values: older.values === true, ...object(options.reduceOptions) } },
  };
}

/** mapping reads a value mapping of the kinds 1, a value, and 2, a range. */
function mapping(m: Record<string, any>): Record<string, any> {
  const result = { text: String(m.text ?? "") };
  if (m.type === 2) return { type: "range", options: { from: Number(m.from), to: Number(m.to), result } };
  if (m.type !== 1) return m;
  if (String(m.value) === "null") return { type: "special", options: { match: "null", result } };
  return { type: "value", options: { [String(m.value)]: result } };
}
