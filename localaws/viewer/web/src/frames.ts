// Data frames, as /api/ds/query answers them, made ready for drawing: with names,
// settings and numbers that JSON has no way to write.

import type { RawFrame } from "./api";
import { interpolate, type Scope } from "./interpolate";
import type { FieldConfig, Override, Panel } from "./model";
import { readConfig } from "./read";

export interface Field {
  name: string;
  type: string;
  labels: Record<string, string>;
  values: any[];
  config: FieldConfig;
  label: string;
}
export interface Frame {
  refId: string;
  fields: Field[];
}

const numbers: Record<string, number> = { NaN: NaN, Inf: Infinity, NegInf: -Infinity };

/** decode reads frames and names what is in them. Where several queries (tables, or
 * as many as answered) give tables, their values are told apart by query. */
export function decode(raw: RawFrame[], tables = 0): Frame[] {
  const ofTable = (f: RawFrame["schema"]["fields"][number]) => f.name === "Value" && !f.labels && !f.config?.displayNameFromDS;
  const answered = new Set(raw.filter((frame) => frame.schema.fields.some(ofTable)).map((frame) => frame.schema.refId));
  const apart = Math.max(tables, answered.size) > 1;
  const frames = raw
    .map((frame): Frame => ({
      refId: frame.schema.refId ?? "A",
      fields: frame.schema.fields.map((f, i): Field => {
        const values = frame.data.values[i] ?? [];
        for (const [name, at] of Object.entries(frame.data.entities?.[i] ?? {})) for (const j of at) values[j] = numbers[name];
        const name = apart && ofTable(f) ? `Value #${frame.schema.refId ?? "A"}` : f.name;
        return { name, type: f.type, labels: f.labels ?? {}, values, config: {}, label: f.config?.displayNameFromDS ?? "" };
      }),
    }))
    .filter((f) => f.fields.length > 0);
  nameSeries(frames);
  return frames;
}

/** settle gives each field the settings that a panel has for it. */
export function settle(frames: Frame[], panel: Pick<Panel, "fieldConfig">, scope: Scope = {}): Frame[] {
  const { defaults = {}, overrides = [] } = panel.fieldConfig ?? {};
  for (const frame of frames) {
    for (const field of frame.fields) {
      field.config = settled(defaults, overrides, field, frame.refId);
      if (field.config.displayName && field.type !== "time") field.label = displayName(field.config.displayName, field, scope);
    }
  }
  return frames;
}

function displayName(format: string, field: Field, scope: Scope): string {
  const named = format
    .replace(/\$\{__field\.labels\.(\w+)\}/g, (_, l: string) => field.labels[l] ?? "")
    .replace(/\$\{__(?:field|series)\.(?:name|displayName)\}/g, field.label);
  return interpolate(named, scope);
}

/** nameSeries names those that the query did not: by the labels that tell them apart. */
function nameSeries(frames: Frame[]): void {
  const unnamed = frames.flatMap((f) => f.fields).filter((f) => f.type === "number" && f.label === "");
  const names = new Set(unnamed.flatMap((f) => Object.keys(f.labels)));
  const telling = [...names].filter((n) => new Set(unnamed.map((f) => f.labels[n])).size > 1).sort();
  for (const field of unnamed) {
    const shown =
      telling.length > 0
        ? telling
        : Object.keys(field.labels)
            .filter((n) => n !== "__name__")
            .sort();
    const pairs = shown.filter((n) => field.labels[n] !== undefined);
    if (pairs.length === 1) field.label = field.labels[pairs[0]];
    else if (pairs.length > 1) field.label = `{${pairs.map((n) => `${n}="${field.labels[n]}"`).join(", ")}}`;
    else field.label = field.labels.__name__ ?? field.name;
  }
  for (const f of frames.flatMap((f) => f.fields)) f.label ||= f.name;
}

function settled(defaults: FieldConfig, overrides: Override[], field: Field, refId: string): FieldConfig {
  const config: FieldConfig = { ...defaults, custom: { ...defaults.custom } };
  for (const { matcher, properties } of overrides) {
    if (!matches(matcher, field, refId)) continue;
    for (const { id, value } of properties) {
      if (id.startsWith("custom.")) config.custom![id.slice(7)] = value;
      else (config as any)[id] = value;
    }
  }
  return readConfig(config);
}

function matches(matcher: Override["matcher"], field: Field, refId: string): boolean {
  const { id, options } = matcher;
  switch (id) {
    case "byName":
      return field.label === options || field.name === options;
    case "byNames": {
      const named = (Array.isArray(options?.names) ? options.names : []).includes(field.label);
      return options?.mode === "exclude" ? field.type !== "time" && !named : named;
    }
    case "byType":
      return field.type === options;
    case "byFrameRefID":
      return refId === options;
    case "byRegexp":
      return pattern(String(options))?.test(field.label) ?? false;
  }
  return false;
}

/** pattern reads an expression between slashes, or a bare one; undefined when it is none. */
export function pattern(text: string): RegExp | undefined {
  const m = /^\/(.*)\/([gimsuy]*)$/s.exec(text);
  try {
    return m ? new RegExp(m[1], m[2].replace("g", "")) : new RegExp(`^(?:${text})$`);
  } catch {
    return undefined;
  }
}

/** Series is one line of a chart, or one value of a stat. */
export interface Series {
  label: string;
  labels: Record<string, string>;
  times: number[];
  values: (number | null)[];
  config: FieldConfig;
  refId: string;
}

/** hidden reports whether a panel's settings take a series out of the drawing. */
export const hidden = (s: Pick<Series, "config">) => s.config.custom?.hideFrom?.viz === true;

/** seriesOf are the numbers of frames, each with its times. */
export function seriesOf(frames: Frame[]): Series[] {
  return frames.flatMap((frame) => {
    const time = frame.fields.find((f) => f.type === "time");
    return frame.fields
      .filter((f) => f.type === "number")
      .map((f) => ({
        label: f.label,
        labels: f.labels,
        times: time?.values ?? f.values.map((_, i) => i),
        values: f.values,
        config: f.config,
        refId: frame.refId,
      }));
  });
}

/** reduce makes one number of many, as Grafana's calculations of this name do. */
export function reduce(values: (number | null)[], calc: string): number | null {
  const known = values.filter((v): v is number => v !== null && v !== undefined && !Number.isNaN(v));
  switch (calc) {
    case "last":
      return values.at(-1) ?? null;
    case "first":
      return values[0] ?? null;
    case "count":
      return values.length;
    case "sum":
      return known.reduce((a, b) => a + b, 0);
  }
  if (known.length === 0) return null;
  const min = known.reduce((a, b) => Math.min(a, b)),
    max = known.reduce((a, b) => Math.max(a, b));
  const sum = known.reduce((a, b) => a + b, 0);
  switch (calc) {
    case "firstNotNull":
      return known[0];
    case "min":
      return min;
    case "max":
      return max;
    case "mean":
      return sum / known.length;
    case "range":
      return max - min;
    case "diff":
      return known.at(-1)! - known[0];
    case "delta":
      return known.slice(1).reduce((total, v, i) => total + Math.max(0, v - known[i]), 0);
    case "median":
      return [...known].sort((a, b) => a - b)[Math.floor(known.length / 2)];
  }
  return known.at(-1)!; // lastNotNull
}
