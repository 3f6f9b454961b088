// Dashboards as Grafana stores them (schema version 39); only what the pages read
// has a name here, the rest is kept as it is.

export interface GridPos {
  x: number;
  y: number;
  w: number;
  h: number;
}
export interface SourceRef {
  uid?: string;
  type?: string;
}
export interface Target {
  refId: string;
  expr?: string;
  datasource?: SourceRef | string | null;
  legendFormat?: string;
  format?: string;
  instant?: boolean;
  range?: boolean;
  interval?: string;
  hide?: boolean;
  editorMode?: string;
  /** of queries to CloudWatch */
  queryMode?: string;
  expression?: string;
  metricName?: string;
  logGroupNames?: string[];
  [other: string]: unknown;
}
export interface Thresholds {
  mode: "absolute" | "percentage";
  steps: { value: number | null; color: string }[];
}
export interface Mapping {
  type: string;
  options: any;
}
export interface FieldConfig {
  displayName?: string;
  unit?: string;
  decimals?: number;
  min?: number;
  max?: number;
  noValue?: string;
  thresholds?: Thresholds;
  mappings?: Mapping[];
  color?: { mode: string; fixedColor?: string };
  custom?: Record<string, any>;
  links?: unknown[];
}
export interface Override {
  matcher: { id: string; options?: any };
  properties: { id: string; value?: any }[];
}
export interface Panel {
  id: number;
  type: string;
  title?: string;
  description?: string;
  gridPos: GridPos;
  datasource?: SourceRef | string | null;
  targets?: Target[];
  fieldConfig?: { defaults: FieldConfig; overrides: Override[] };
  options?: Record<string, any>;
  transparent?: boolean;
  interval?: string;
  maxDataPoints?: number;
  collapsed?: boolean;
  panels?: Panel[];
  repeat?: string;
  repeatDirection?: string;
  maxPerRow?: number;
  transformations?: { id: string; options: any; disabled?: boolean }[];
  scope?: Record<string, string>;
  timeFrom?: string;
}
export interface VariableModel {
  name: string;
  type: string;
  label?: string;
  hide?: number;
  query?: any;
  definition?: string;
  datasource?: SourceRef | string | null;
  regex?: string;
  sort?: number;
  multi?: boolean;
  includeAll?: boolean;
  allValue?: string | null;
  current?: { text?: string | string[]; value?: string | string[] };
  options?: { text: string; value: string; selected?: boolean }[];
  auto?: boolean;
}
/** Link leads from a dashboard elsewhere: to those with some tags, or to an address. */
export interface Link {
  type: string;
  title?: string;
  tags?: string[];
  url?: string;
  asDropdown?: boolean;
  includeVars?: boolean;
  keepTime?: boolean;
  targetBlank?: boolean;
}
export interface Dashboard {
  id?: number | null;
  uid?: string;
  title: string;
  description?: string;
  tags?: string[];
  version?: number;
  schemaVersion?: number;
  refresh?: string | boolean;
  graphTooltip?: number;
  editable?: boolean;
  time?: { from: string; to: string };
  timezone?: string;
  templating?: { list: VariableModel[] };
  panels: Panel[];
  links?: Link[];
  annotations?: unknown;
  timepicker?: unknown;
}

/** blank is a new dashboard, with all that Grafana expects of one. */
export function blank(): Dashboard {
  return {
    id: null,
    title: "New dashboard",
    tags: [],
    timezone: "browser",
    editable: true,
    graphTooltip: 1,
    time: { from: "now-1h", to: "now" },
    refresh: "30s",
    schemaVersion: 39,
    version: 0,
    templating: { list: [] },
    annotations: { list: [] },
    panels: [],
  };
}

/** newPanel is a time series without a query, below the others. */
export function newPanel(panels: Panel[], datasource: SourceRef): Panel {
  const all = panels.flatMap((p) => [p, ...(p.panels ?? [])]);
  const id = Math.max(0, ...all.map((p) => p.id ?? 0)) + 1;
  const last = panels
    .filter((p) => p.type !== "row")
    .sort((a, b) => a.gridPos.y - b.gridPos.y || a.gridPos.x - b.gridPos.x)
    .at(-1);
  const bottom = Math.max(0, ...panels.map((p) => p.gridPos.y + p.gridPos.h));
  const beside = last && last.gridPos.x + last.gridPos.w <= 12 && last.gridPos.y + last.gridPos.h === bottom;
  return {
    id,
    type: "timeseries",
    title: "New panel",
    datasource,
    gridPos: beside ? { x: 12, y: last.gridPos.y, w: 12, h: last.gridPos.h } : { x: 0, y: bottom, w: 12, h: 8 },
    targets: [{ refId: "A", datasource, expr: "", legendFormat: "__auto", range: true, instant: false, editorMode: "code" }],
    fieldConfig: {
      defaults: {
        unit: "short",
        color: { mode: "palette-classic" },
        thresholds: { mode: "absolute", steps: [{ color: "green", value: null }] },
        mappings: [],
        custom: { drawStyle: "line", lineWidth: 1, fillOpacity: 0, showPoints: "never", spanNulls: false },
      },
      overrides: [],
    },
    options: {
      legend: { displayMode: "list", placement: "bottom", showLegend: true, calcs: [] },
      tooltip: { mode: "multi", sort: "desc" },
    },
  };
}

/** optionsFor are what Grafana expects in a panel of a type. */
export function optionsFor(type: string): Record<string, any> {
  const reduceOptions = { calcs: ["lastNotNull"], fields: "", values: false };
  switch (type) {
    case "stat":
      return {
        reduceOptions,
        colorMode: "value",
        graphMode: "area",
        justifyMode: "auto",
        orientation: "auto",
        textMode: "auto",
        wideLayout: true,
      };
    case "gauge":
      return { reduceOptions, orientation: "auto", showThresholdLabels: false, showThresholdMarkers: true };
    case "bargauge":
      return { reduceOptions, orientation: "horizontal", displayMode: "basic", valueMode: "color", showUnfilled: true };
    case "table":
      return { showHeader: true, cellHeight: "sm", footer: { show: false, reducer: ["sum"], countRows: false, fields: "" } };
    case "text":
      return { mode: "markdown", content: "" };
  }
  return { legend: { displayMode: "list", placement: "bottom", showLegend: true, calcs: [] }, tooltip: { mode: "multi", sort: "desc" } };
}
