import uPlot from "uplot";
import { hidden, seriesOf, type Series } from "../frames";
import { colour, dark, seriesColour, steps, withAlpha } from "../look";
import { binary, format, timeMark, timeSteps } from "../units";
import { align, mirrored, stack, stacks } from "./align";
import type { Drawing, Drawn } from "./drawing";
import { legend } from "./legend";
import { near, tooltip } from "./tooltip";
import { h } from "../dom";

/** timeseries draws lines over time, with a legend and the values at the pointer. */
export function timeseries(d: Drawing): Drawn {
  const now: Now = { d, series: seriesOf(d.frames) };
  const colours = now.series.map(seriesColour),
    shown = now.series.map((s) => !hidden(s));
  const area = h("div", {
    class: "plot",
    role: "img",
    "aria-label": `${now.series.length} series: ${now.series.map((s) => s.label).join(", ")}`.slice(0, 200),
  });
  const named = () => legend(d.panel, now.series, colours, shown, () => shown.forEach((on, i) => plot.setSeries(i + 1, { show: on })));
  let below = named();
  d.host.classList.toggle("legend-right", d.panel.options?.legend?.placement === "right");
  d.host.replaceChildren(area, ...(below ? [below] : []));
  const plot = new uPlot(options(now, colours, area), data(now.series), area);
  const resize = new ResizeObserver(() => plot.setSize(size(area)));
  resize.observe(area);
  return {
    destroy: () => {
      resize.disconnect();
      plot.destroy();
    },
    update: (next) => {
      const series = seriesOf(next.frames);
      if (!area.isConnected || !alike(series, now.series)) return false;
      Object.assign(now, { d: next, series });
      plot.setData(data(series));
      if (below && d.panel.options?.legend?.calcs?.length > 0) {
        const fresh = named()!;
        below.replaceWith(fresh);
        below = fresh;
      }
      return true;
    },
  };
}

/** Now is what a chart shows at the moment. */
interface Now {
  d: Drawing;
  series: Series[];
}

/** alike reports whether two answers differ in their points only. */
function alike(a: Series[], b: Series[]): boolean {
  const look = (all: Series[]) =>
    JSON.stringify(all.map((s) => [s.label, s.config, s.config.color?.mode === "thresholds" && seriesColour(s, 0), s.times.length === 1]));
  return look(a) === look(b);
}

const size = (area: HTMLElement) => ({ width: Math.max(area.clientWidth, 60), height: Math.max(area.clientHeight, 60) });

const stacking = (s: Series): string => s.config.custom?.stacking?.mode ?? "none";

function data(series: Series[]): uPlot.AlignedData {
  const spans = series.some((s) => s.config.custom?.spanNulls);
  const { times, rows } = align(series, spans);
  series.forEach((s, i) => {
    if (mirrored(s)) rows[i] = rows[i].map((v) => (typeof v === "number" ? -v : v));
  });
  for (const { mode, at } of stacks(series)) {
    stack(
      at.map((i) => rows[i]),
      mode === "percent",
    ).forEach((row, j) => {
      rows[at[j]] = row;
    });
  }
  return [times.map((t) => t / 1000), ...rows] as uPlot.AlignedData;
}

/** scaleOf names the y scale of a series: those of one unit share one. */
function scaleOf(s: Series): string {
  return `${stacking(s) === "percent" ? "percentunit" : (s.config.unit ?? "")} ${s.config.custom?.axisPlacement === "right" ? "right" : ""}`;
}

function options(now: Now, colours: string[], area: HTMLElement): uPlot.Options {
  const { d, series } = now;
  const names = [...new Set(series.map(scaleOf))];
  const scales: uPlot.Scales = { x: { time: true, range: () => [now.d.span.from / 1000, now.d.span.to / 1000] } };
  for (const name of names.length ? names : [""]) scales[name] = { range: yRange(series.filter((s) => scaleOf(s) === name)) };
  return {
    ...size(area),
    scales,
    legend: { show: false },
    padding: [8, names.length > 1 ? 0 : 10, 0, 0],
    axes: [
      xAxis(),
      ...(names.length ? names : [""]).slice(0, 2).map((name, i) =>
        yAxis(
          name,
          i,
          series.find((s) => scaleOf(s) === name),
        ),
      ),
    ],
    series: [{}, ...series.map((s, i) => line(s, colours[i]))],
    bands: bands(series),
    cursor: {
      drag: { x: true, y: false, setScale: false },
      focus: { prox: near },
      hover: { prox: near },
      points: { size: 7, width: 2 },
      bind: { dblclick: () => null },
      sync: d.sync ? { key: d.sync, setSeries: false, scales: ["x", null] } : undefined,
    },
    focus: { alpha: 1 },
    hooks: {
      drawAxes: [(u) => thresholds(u, series)],
      setSelect: [
        (u) => {
          if (u.select.width < 4) return;
          d.zoom(u.posToVal(u.select.left, "x") * 1000, u.posToVal(u.select.left + u.select.width, "x") * 1000);
        },
      ],
    },
    plugins: [tooltip(d.panel, () => now.series, colours)],
  };
}

/** bands fill a stacked series down to the one below it. */
function bands(series: Series[]): uPlot.Band[] {
  return stacks(series).flatMap(({ at }) => at.slice(1).map((upper, i): uPlot.Band => ({ series: [upper + 1, at[i] + 1] })));
}

function line(s: Series, color: string): uPlot.Series {
  const {
    drawStyle = "line",
    lineWidth = 1,
    fillOpacity = 0,
    lineInterpolation = "linear",
    lineStyle,
    showPoints = "auto",
    pointSize = 5,
  } = s.config.custom ?? {};
  const single = s.times.length === 1;
  const paths =
    drawStyle === "bars"
      ? uPlot.paths.bars!({ size: [0.7, 40] })
      : drawStyle === "points"
        ? () => null
        : lineInterpolation === "stepAfter"
          ? uPlot.paths.stepped!({ align: 1 })
          : lineInterpolation === "stepBefore"
            ? uPlot.paths.stepped!({ align: -1 })
            : lineInterpolation === "smooth"
              ? uPlot.paths.spline!()
              : uPlot.paths.linear!();
  return {
    label: s.label,
    show: !hidden(s),
    scale: scaleOf(s),
    stroke: color,
    width: Math.max(lineWidth, drawStyle === "line" && fillOpacity === 0 ? 1 : 0) * 1.25,
    paths,
    fill: fillOpacity > 0 ? withAlpha(color, fillOpacity / 100) : undefined,
    dash: lineStyle?.fill === "dash" ? (lineStyle.dash ?? [8, 6]) : undefined,
    points: { show: single || drawStyle === "points" || showPoints === "always", size: pointSize, fill: color },
  };
}

/** yRange fits the values, and keeps to the limits that the panel sets. */
function yRange(series: Series[]): uPlot.Range.Function {
  const configs = series.map((s) => s.config);
  const limit = (pick: (c: Series["config"]) => unknown) => configs.map(pick).find((v) => typeof v === "number") as number | undefined;
  const min = limit((c) => c.min),
    max = limit((c) => c.max),
    softMin = limit((c) => c.custom?.axisSoftMin),
    softMax = limit((c) => c.custom?.axisSoftMax);
  const filled = series.some((s) => s.config.custom?.drawStyle === "bars" || stacking(s) !== "none");
  return (_, lowest, highest) => {
    if (lowest === null || highest === null) return [min ?? 0, max ?? 1];
    let lo = Math.min(lowest, softMin ?? lowest, filled ? 0 : lowest),
      hi = Math.max(highest, softMax ?? highest, filled ? 0 : highest);
    if (min !== undefined) lo = min;
    if (lo === hi) hi = lo === 0 ? 1 : lo + Math.abs(lo) * 0.2;
    const [low, high] = uPlot.rangeNum(lo, hi, { min: { pad: 0.1, soft: 0, mode: 2 }, max: { pad: 0.1, soft: 0, mode: 2 } });
    const top = max ?? high!;
    return [min ?? low, top > (min ?? low!) ? top : (min ?? low!) + 1];
  };
}

const binarySteps = Array.from({ length: 70 }, (_, i) => 2 ** (i - 4));

function axisLook(): Pick<uPlot.Axis, "stroke" | "font" | "grid" | "ticks"> {
  const ink = dark() ? "#98a2b3" : "#5b6575",
    rule = dark() ? "rgba(255,255,255,.07)" : "rgba(20,30,50,.08)";
  return {
    stroke: ink,
    font: `11px ${getComputedStyle(document.body).fontFamily}`,
    grid: { stroke: rule, width: 1 },
    ticks: { show: false },
  };
}

function yAxis(scale: string, i: number, s: Series | undefined): uPlot.Axis {
  const unit = scale.split(" ")[0];
  return {
    ...axisLook(),
    scale,
    side: i === 0 ? 3 : 1,
    gap: 6,
    space: 34,
    grid: i === 0 ? axisLook().grid : { show: false },
    incrs: binary(unit) ? binarySteps : timeSteps(unit),
    values: (_, at, _i, _s, step) => at.map((v) => (timeSteps(unit) ? timeMark(v, unit, step) : format(v, unit, s?.config.decimals))),
    size: (u, values) => {
      u.ctx.save();
      u.ctx.font = axisLook().font as string;
      const widest = Math.max(28, ...(values ?? []).map((v) => u.ctx.measureText(v).width));
      u.ctx.restore();
      return 14 + Math.ceil(widest);
    },
  };
}

const two = (n: number) => String(n).padStart(2, "0");

function xAxis(): uPlot.Axis {
  return {
    ...axisLook(),
    gap: 6,
    size: 28,
    space: 70,
    values: (u, at, _i, _s, step) =>
      at.map((sec) => {
        const t = new Date(sec * 1000),
          day = `${two(t.getMonth() + 1)}-${two(t.getDate())}`,
          clock = `${two(t.getHours())}:${two(t.getMinutes())}`;
        const long = u.scales.x.max! - u.scales.x.min! > 86400 * 1.1;
        return step >= 86400 ? day : step < 60 ? `${clock}:${two(t.getSeconds())}` : long ? `${day} ${clock}` : clock;
      }),
  };
}

/** thresholds draws those of the first series that wants them seen. */
function thresholds(u: uPlot, series: Series[]): void {
  const s = series.find((s) => (s.config.custom?.thresholdsStyle?.mode ?? "off") !== "off");
  if (!s) return;
  const mode: string = s.config.custom!.thresholdsStyle.mode,
    scale = scaleOf(s),
    { left, width, top, height } = u.bbox;
  const all = steps(s.config.thresholds, s.config.min ?? u.scales[scale].min!, s.config.max ?? u.scales[scale].max!);
  const place = (v: number) => Math.max(top, Math.min(top + height, u.valToPos(v, scale, true)));
  u.ctx.save();
  all.forEach((step, i) => {
    const y = step.value === -Infinity ? top + height : place(step.value);
    const above = i + 1 < all.length ? place(all[i + 1].value) : top;
    if (mode.includes("area")) {
      u.ctx.fillStyle = withAlpha(step.color, 0.1);
      u.ctx.fillRect(left, above, width, y - above);
    }
    if ((mode.includes("line") || mode.includes("dashed")) && step.value !== -Infinity && y > top && y < top + height) {
      u.ctx.strokeStyle = step.color ?? colour("red");
      u.ctx.setLineDash(mode.includes("dashed") ? [8, 6] : []);
      u.ctx.beginPath();
      u.ctx.moveTo(left, y);
      u.ctx.lineTo(left + width, y);
      u.ctx.stroke();
    }
  });
  u.ctx.restore();
}
