// The status history panel: a row of cells for each series, coloured by value.

import { h } from "../dom";
import { hidden, seriesOf, type Series } from "../frames";
import { colourKey, text, valueColour } from "../look";
import { stamp } from "../time";
import type { Drawing, Drawn } from "./drawing";

const most = 64; // rows: more are not legible in one panel
const least = 4; // pixels of a row's height: what does not fit is scrolled

export interface Cell {
  row: number;
  from: number; // milliseconds; the cell's value is of its end
  to: number;
  value: number;
}

/** rhythm is the time between two points, of all series: the shortest there is. */
function rhythm(series: Pick<Series, "times">[]): number {
  let step = Infinity;
  for (const { times } of series) for (let i = 1; i < times.length; i++) step = Math.min(step, times[i] - times[i - 1]);
  return Number.isFinite(step) ? step : 60000;
}

/** cells are the values that there are, each over the time up to it. */
export function cells(series: Pick<Series, "times" | "values">[]): Cell[] {
  const step = rhythm(series);
  return series.flatMap((s, row) =>
    s.times.flatMap((t, i) => {
      const value = s.values[i];
      return value === null || value === undefined || Number.isNaN(value) ? [] : [{ row, from: t - step, to: t, value }];
    }),
  );
}

export function statushistory(d: Drawing): Drawn {
  const all = seriesOf(d.frames).filter((s) => !hidden(s)),
    series = all.slice(0, most),
    found = cells(series),
    canvas = h("canvas", {
      role: "img",
      "aria-label": `${series.length} series over time: ${series.map((s) => s.label).join(", ")}`.slice(0, 200),
    }),
    body = h("div", { class: "cells", style: { minHeight: `${series.length * least}px` } }, canvas),
    box = h("div", { class: "tooltip", role: "status", "aria-live": "off" });
  const names = h(
    "div",
    { class: "names" },
    series.map((s) => h("span", { title: s.label }, s.label)),
  );
  const { from, to } = d.span,
    clock = (t: number) => stamp(t).slice(11, 16);
  const axis = h(
    "div",
    { class: "axis dim" },
    [0, 0.25, 0.5, 0.75, 1].map((part) => h("span", null, clock(from + part * (to - from)))),
  );
  box.hidden = true;
  document.body.append(box);
  const key = series.length > 0 && d.panel.options?.legend?.showLegend !== false ? colourKey(series[0].config) : [];
  d.host.replaceChildren(
    h("div", { class: "statushistory" }, names, body, h("span", null), axis),
    ...(key.length > 0
      ? [
          h(
            "div",
            { class: "legend key" },
            key.map((k) => h("span", { class: "series" }, h("i", { style: { background: k.color } }), h("span", null, k.text))),
          ),
        ]
      : []),
    ...(all.length > series.length ? [h("p", { class: "dim" }, `and ${all.length - series.length} more`)] : []),
  );
  const draw = () => {
    const width = body.clientWidth,
      height = body.clientHeight,
      ratio = devicePixelRatio || 1,
      row = height / Math.max(1, series.length),
      x = (t: number) => (width * (t - from)) / (to - from);
    canvas.width = Math.max(1, width * ratio);
    canvas.height = Math.max(1, height * ratio);
    const g = canvas.getContext("2d")!;
    g.scale(ratio, ratio);
    for (const c of found) {
      g.fillStyle = valueColour(c.value, series[c.row].config, c.row);
      const left = Math.max(0, x(c.from));
      g.fillRect(left, c.row * row + row * 0.05, Math.max(1, Math.min(width, x(c.to)) - left) * 0.95, row * 0.9);
    }
  };
  const resize = new ResizeObserver(draw);
  resize.observe(body);
  body.addEventListener("pointermove", (e) => {
    const at = body.getBoundingClientRect(),
      t = from + ((to - from) * (e.clientX - at.left)) / at.width,
      row = Math.floor(((e.clientY - at.top) / at.height) * series.length),
      cell = found.find((c) => c.row === row && c.from < t && t <= c.to);
    box.hidden = !cell;
    if (!cell) return;
    box.replaceChildren(
      h("div", { class: "when" }, stamp(cell.to)),
      h("div", { class: "row" }, h("span", { class: "name" }, series[row].label), h("b", null, text(cell.value, series[row].config))),
    );
    box.style.left = `${Math.max(4, Math.min(e.clientX + 14, innerWidth - box.offsetWidth - 4))}px`;
    box.style.top = `${Math.max(4, Math.min(e.clientY + 12, innerHeight - box.offsetHeight - 4))}px`;
  });
  body.addEventListener("pointerleave", () => (box.hidden = true));
  return {
    destroy: () => {
      resize.disconnect();
      box.remove();
    },
  };
}
