// Series of different times on one common row of times, as uPlot wants them.

import { hidden, type Series } from "../frames";

/** Value is a number, null for a gap, or undefined where only another series has
 * a point, which a line goes on through. */
export type Value = number | null | undefined;

/** align returns the times and for each series its values at them. A series has
 * a gap where it misses a point that its own rhythm lets expect. */
export function align(series: Pick<Series, "times" | "values">[], spanGaps: boolean): { times: number[]; rows: Value[][] } {
  const points = series.map((s) => withGaps(s, spanGaps));
  const times = [...new Set(points.flatMap((p) => [...p.keys()]))].sort((a, b) => a - b);
  const rows = points.map((p) => times.map((t) => p.get(t)));
  return { times, rows };
}

function withGaps(s: Pick<Series, "times" | "values">, spanGaps: boolean): Map<number, Value> {
  const step = rhythm(s.times);
  const points = new Map<number, Value>();
  s.times.forEach((t, i) => {
    if (!spanGaps && i > 0 && t - s.times[i - 1] > 1.5 * step) points.set(s.times[i - 1] + step, null);
    const v = s.values[i];
    points.set(t, v === null || !Number.isFinite(v) ? (spanGaps ? undefined : null) : v);
  });
  return points;
}

/** rhythm is the shortest time between two points. */
function rhythm(times: number[]): number {
  let least = Infinity;
  for (let i = 1; i < times.length; i++) least = Math.min(least, times[i] - times[i - 1]);
  return least;
}

/** mirrored reports whether a series is drawn below zero. */
export const mirrored = (s: Pick<Series, "config">) => s.config.custom?.transform === "negative-Y";

/** stacks are the places of the series that stand on each other: those of one mode
 * ("normal", "percent") and one group, on one side of zero. Others stand by themselves. */
export function stacks(series: Pick<Series, "config">[]): { mode: string; at: number[] }[] {
  const found = new Map<string, { mode: string; at: number[] }>();
  series.forEach((s, i) => {
    const { mode = "none", group = "A" } = s.config.custom?.stacking ?? {};
    if (mode === "none" || hidden(s)) return;
    const key = JSON.stringify([mode, group, mirrored(s)]);
    if (!found.has(key)) found.set(key, { mode, at: [] });
    found.get(key)!.at.push(i);
  });
  return [...found.values()];
}

/** stack adds each row to those below it; percent makes them shares of the sum. A row that begins
 * later, ends earlier or has a gap is nothing meanwhile: what is above it stands on what is below. */
export function stack(rows: Value[][], percent: boolean): Value[][] {
  const length = rows[0]?.length ?? 0;
  const sums = Array.from({ length }, (_, i) => rows.reduce((sum, row) => sum + Math.abs(row[i] ?? 0), 0));
  const below = new Array<number>(length).fill(0);
  return rows.map((row) => {
    const last = row.findLastIndex((v) => typeof v === "number");
    let there = false;
    return row.map((v, i) => {
      if (v === undefined && there && i < last) return v;
      there = typeof v === "number";
      if (v === null || v === undefined) return below[i];
      below[i] += percent ? (sums[i] === 0 ? 0 : v / sums[i]) : v;
      return below[i];
    });
  });
}
