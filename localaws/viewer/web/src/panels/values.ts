// The panels that show single values: stat, gauge and bar gauge.

import { h, s } from "../dom";
import { hidden, pattern, reduce, seriesOf, type Series } from "../frames";
import { shown, steps, valueColour, withAlpha } from "../look";
import type { FieldConfig } from "../model";
import { still, type Drawing, type Drawn } from "./drawing";

interface One {
  name: string;
  value: number | null;
  color: string;
  config: FieldConfig;
  series: Series;
}

const maxValues = 60; // more are not legible in one panel

/** values are what the panel's calculation makes of each series. */
function values(d: Drawing): One[] {
  const { calcs = ["lastNotNull"], fields = "", values: every = false } = d.panel.options?.reduceOptions ?? {};
  const wanted = fields ? pattern(fields) : undefined;
  const series = seriesOf(d.frames).filter((s) => !hidden(s) && (!wanted || wanted.test(s.label)));
  const one = (s: Series, value: number | null, i: number): One => ({
    name: s.label,
    value,
    color: valueColour(value, s.config, i),
    config: s.config,
    series: s,
  });
  const all = every
    ? series.flatMap((s) => s.values.map((v) => one(s, v, 0)))
    : series.map((s, i) => one(s, reduce(s.values, calcs?.[0] ?? "lastNotNull"), i));
  return all.slice(0, maxValues);
}

/** empty is the single value of a panel whose queries found still. */
function orEmpty(all: One[], d: Drawing): One[] {
  if (all.length > 0) return all;
  const config = d.panel.fieldConfig?.defaults ?? {};
  return [
    {
      name: "",
      value: null,
      color: valueColour(null, config, 0),
      config,
      series: { label: "", labels: {}, times: [], values: [], config, refId: "A" },
    },
  ];
}

export function stat(d: Drawing): Drawn {
  const { colorMode = "value", graphMode = "area", textMode = "auto", orientation = "auto" } = d.panel.options ?? {};
  const all = orEmpty(values(d), d);
  const named = textMode === "value_and_name" || textMode === "name" || (textMode === "auto" && all.length > 1);
  d.host.replaceChildren(
    h(
      "div",
      { class: `stats ${direction(orientation)}`, dataset: { count: String(all.length) } },
      all.map((one) => {
        const { text, suffix } = shown(one.value, one.config);
        const whole = textMode === "none" ? "" : textMode === "name" ? one.name : text;
        const filled = colorMode.startsWith("background");
        return h(
          "div",
          { class: filled ? "stat filled" : "stat", style: filled ? { background: one.color } : {} },
          graphMode === "area" && one.series.values.length > 1 && spark(one, filled),
          h(
            "div",
            { class: "inner" },
            named && textMode !== "name" && h("div", { class: "name" }, one.name),
            h(
              "div",
              {
                class: one.value === null ? "value none" : "value",
                style: { color: colorMode === "value" && one.value !== null ? one.color : "" },
              },
              lengthen(whole, suffix, textMode),
            ),
          ),
        );
      }),
    ),
  );
  for (const v of d.host.querySelectorAll<HTMLElement>(".value")) {
    const length = v.textContent!.length,
      long = length > 12;
    v.classList.toggle("long", long); // stands in two lines
    v.style.setProperty("--len", String(Math.max(3, long ? Math.ceil(length / 2) : length)));
  }
  return still;
}

function lengthen(whole: string, suffix: string, textMode: string): (Node | string)[] {
  return textMode === "name" || textMode === "none" || !suffix ? [whole] : [whole, h("small", null, suffix)];
}

function direction(orientation: string): string {
  return orientation === "horizontal" ? "rows" : orientation === "vertical" ? "columns" : "auto";
}

/** spark is the course of a value, without axes. */
function spark(one: One, filled: boolean): SVGElement {
  const points = one.series.values
    .map((v, i) => [one.series.times[i], v] as const)
    .filter((p): p is readonly [number, number] => p[1] !== null && Number.isFinite(p[1]));
  const color = filled ? "#ffffff" : one.color;
  if (points.length < 2) return s("svg", {});
  const t0 = points[0][0],
    t1 = points.at(-1)![0];
  let lo = Infinity,
    hi = -Infinity;
  for (const [, v] of points) {
    lo = Math.min(lo, v);
    hi = Math.max(hi, v);
  }
  if (hi === lo) {
    lo -= 1;
    hi += 1;
  }
  const line = points
    .map(([t, v]) => `${((100 * (t - t0)) / (t1 - t0)).toFixed(2)},${(38 - (34 * (v - lo)) / (hi - lo)).toFixed(2)}`)
    .join(" ");
  return s(
    "svg",
    { viewBox: "0 0 100 40", preserveAspectRatio: "none", class: "spark", "aria-hidden": "true" },
    s("polygon", { points: `0,40 ${line} 100,40`, style: { fill: withAlpha(color, 0.15) } }),
    s("polyline", { points: line, style: { stroke: color } }),
  );
}

/** range is what a gauge spans: the panel's limits or, without them, 0 to 100. */
function range(config: FieldConfig, all: One[]): [number, number] {
  const known = all.map((o) => o.value).filter((v): v is number => v !== null && Number.isFinite(v));
  const share = config.unit === "percentunit" ? 1 : 100;
  const min = config.min ?? Math.min(0, ...known);
  const max = config.max ?? (config.unit?.startsWith("percent") || known.every((v) => v <= share) ? share : Math.max(...known));
  return [min, max > min ? max : min + 1];
}

/** barRange is what bars span: the panel's limits or, without them, the values, as Grafana's. */
function barRange(config: FieldConfig, all: One[]): [number, number] {
  const known = all.map((o) => o.value).filter((v): v is number => v !== null && Number.isFinite(v)),
    [min, max] = range(config, all);
  const most = config.max ?? (config.unit?.startsWith("percent") ? max : Math.max(...known));
  return [min, most > min ? most : min + 1];
}

/** share is how far up in the limits a value is; what is no number is at their lower end. */
function share(v: number | null, [min, max]: [number, number]): number {
  return v === null || Number.isNaN(v) ? 0 : Math.max(0, Math.min(1, (v - min) / (max - min)));
}

export function gauge(d: Drawing): Drawn {
  const all = orEmpty(values(d), d);
  const markers = d.panel.options?.showThresholdMarkers ?? true;
  d.host.replaceChildren(
    h(
      "div",
      { class: "gauges" },
      all.map((one) => {
        const limits = range(one.config, all),
          { text, suffix } = shown(one.value, one.config);
        const ring = markers ? steps(one.config.thresholds, ...limits) : [];
        return h(
          "div",
          { class: "gauge" },
          s(
            "svg",
            { viewBox: "0 0 120 84", role: "img", "aria-label": `${one.name} ${text}${suffix}` },
            s("path", { d: arc(48, 0, 1), class: "track" }),
            one.value !== null &&
              !Number.isNaN(one.value) &&
              s("path", { d: arc(48, 0, Math.max(0.004, share(one.value, limits))), class: "fill", style: { stroke: one.color } }),
            ring.map((step, i) => {
              const from = share(step.value === -Infinity ? limits[0] : step.value, limits),
                to = i + 1 < ring.length ? share(ring[i + 1].value, limits) : 1;
              return to > from && s("path", { d: arc(57, from, to), class: "ring", style: { stroke: step.color } });
            }),
            s(
              "text",
              { x: 60, y: 64, "font-size": Math.min(20, 100 / Math.max(4, (text + suffix).length)), style: { fill: one.color } },
              text + suffix,
            ),
          ),
          all.length > 1 && h("div", { class: "name", title: one.name }, one.name),
        );
      }),
    ),
  );
  return still;
}

/** arc is a part, from 0 to 1, of three fifths of a circle around (60, 62). */
function arc(radius: number, from: number, to: number): string {
  const at = (part: number) => {
    const angle = Math.PI * (1.1 - 1.2 * part);
    return `${(60 + radius * Math.cos(angle)).toFixed(2)} ${(62 - radius * Math.sin(angle)).toFixed(2)}`;
  };
  return `M${at(from)}A${radius} ${radius} 0 ${to - from > 1 / 1.2 ? 1 : 0} 1 ${at(to)}`;
}

const leastBar = 46; // pixels for a bar with its name above it; lower ones have it beside them

export function bargauge(d: Drawing): Drawn {
  const all = orEmpty(values(d), d);
  const upright = d.panel.options?.orientation === "vertical",
    beside = !upright && d.panel.options?.namePlacement === "left" && all.some((one) => one.name !== ""),
    low = !upright && !beside && d.host.clientHeight < leastBar * all.length;
  d.host.replaceChildren(
    h(
      "div",
      {
        class: upright ? "bars upright" : beside ? "bars beside" : low ? "bars low" : "bars",
        style: beside ? { maxHeight: `${all.length * 32}px` } : {},
      },
      all.map((one) => {
        const { text, suffix } = shown(one.value, one.config),
          part = `${(100 * share(one.value, barRange(one.config, all))).toFixed(2)}%`;
        return h(
          "div",
          { class: "bar" },
          one.name && h("div", { class: "name", title: one.name }, one.name),
          h("div", { class: "track" }, h("div", { class: "fill", style: { [upright ? "height" : "width"]: part, background: one.color } })),
          h("div", { class: "value", style: { color: one.color } }, text + suffix),
        );
      }),
    ),
  );
  d.host.querySelector<HTMLElement>(".bars")!.style.setProperty("--count", String(all.length));
  return still;
}
