// Times as Grafana writes them in addresses and dashboards: "now-6h", "now/d",
// milliseconds of the epoch, or a date.

export interface Range {
  from: string;
  to: string;
}
export interface Span {
  from: number;
  to: number;
} // milliseconds

export const quickRanges: [string, string][] = [
  ["now-5m", "Last 5 minutes"],
  ["now-15m", "Last 15 minutes"],
  ["now-30m", "Last 30 minutes"],
  ["now-1h", "Last 1 hour"],
  ["now-3h", "Last 3 hours"],
  ["now-6h", "Last 6 hours"],
  ["now-12h", "Last 12 hours"],
  ["now-24h", "Last 24 hours"],
  ["now-2d", "Last 2 days"],
  ["now-7d", "Last 7 days"],
  ["now-30d", "Last 30 days"],
  ["now-90d", "Last 90 days"],
];

export const refreshIntervals = ["", "5s", "10s", "30s", "1m", "5m", "15m", "30m", "1h"];

const seconds: Record<string, number> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86400, w: 604800, M: 2592000, y: 31536000 };

/** duration reads "30s" as milliseconds; 0 when it is none. */
export function duration(text: string): number {
  const m = /^>?\s*(\d+(?:\.\d+)?)(ms|[smhdwMy])$/.exec(text.trim());
  return m ? Number(m[1]) * seconds[m[2]] * 1000 : 0;
}

/** durationText writes milliseconds as Prometheus does: "15s", "1h". */
export function durationText(ms: number): string {
  if (ms < 1000 || (ms % 1000 !== 0 && ms < 10000)) return `${Math.round(ms)}ms`;
  const whole = Math.round(ms / 1000);
  for (const unit of ["d", "h", "m"]) {
    if (whole % seconds[unit] === 0) return `${whole / seconds[unit]}${unit}`;
  }
  return `${whole}s`;
}

/** at reads one end of a range; undefined when it is no time. The end of a
 * rounded range is the end of its day. */
export function at(text: string, now: number, end = false): number | undefined {
  text = text.trim();
  if (/^\d{10,}$/.test(text)) return known(Number(text));
  if (!text.startsWith("now")) {
    return known(Date.parse(text.replace(" ", "T")));
  }
  const when = new Date(now);
  for (const m of text.slice(3).matchAll(/([+-])(\d+)([smhdwMy])|\/([smhdwMy])|(.)/g)) {
    if (m[5]) return undefined;
    if (m[4]) round(when, m[4], end);
    else shift(when, Number(m[1] + m[2]), m[3]);
  }
  return known(when.getTime());
}

/** known is undefined for a time that no calendar has. */
const known = (ms: number) => (Number.isNaN(new Date(ms).getTime()) ? undefined : ms);

function shift(when: Date, by: number, unit: string): void {
  if (unit === "M") when.setMonth(when.getMonth() + by);
  else if (unit === "y") when.setFullYear(when.getFullYear() + by);
  else if (unit === "d" || unit === "w") when.setDate(when.getDate() + by * (unit === "w" ? 7 : 1));
  else when.setTime(when.getTime() + by * seconds[unit] * 1000);
}

function round(when: Date, unit: string, end: boolean): void {
  if (unit === "s") when.setMilliseconds(0);
  else if (unit === "m") when.setSeconds(0, 0);
  else if (unit === "h") when.setMinutes(0, 0, 0);
  else when.setHours(0, 0, 0, 0);
  if (unit === "w") when.setDate(when.getDate() - ((when.getDay() + 6) % 7));
  if (unit === "M" || unit === "y") when.setDate(1);
  if (unit === "y") when.setMonth(0);
  if (!end) return;
  shift(when, 1, unit);
  when.setTime(when.getTime() - 1);
}

/** isRange reports whether a range has a beginning, and an end after it. */
export function isRange(range: Range, now = Date.now()): boolean {
  const from = at(range.from, now),
    to = at(range.to, now, true);
  return from !== undefined && to !== undefined && to > from;
}

/** resolve is the range in milliseconds, the last hour when it is none. */
export function resolve(range: Range, now = Date.now()): Span {
  if (!isRange(range, now)) return { from: now - 3600_000, to: now };
  return { from: at(range.from, now)!, to: at(range.to, now, true)! };
}

/** describe is the range as people say it. */
export function describe(range: Range): string {
  const quick = quickRanges.find(([from]) => from === range.from && range.to === "now");
  if (quick) return quick[1];
  const word = (text: string) => (/^\d+$/.test(text) ? stamp(Number(text)) : text);
  return `${word(range.from)} to ${word(range.to)}`;
}

const two = (n: number) => String(n).padStart(2, "0");

/** stamp is a local date and time, to the second. */
export function stamp(ms: number): string {
  const d = new Date(ms);
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}

const steps = [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800];

/** interval is how far points are apart that fit into so many pixels: a round
 * number of milliseconds, not less than the data source's. */
export function interval(span: Span, points: number, least: number): number {
  const wanted = (span.to - span.from) / Math.max(points, 1) / 1000;
  const step = steps.find((s) => s >= wanted) ?? Math.ceil(wanted / 86400) * 86400;
  return Math.max(step * 1000, least);
}
