// Values as Grafana writes them: by the ids of its units.

import { stamp } from "./time";

export interface Shown {
  text: string;
  suffix: string;
}

interface Scale {
  base: number;
  names: string[];
}

const si = ["p", "n", "µ", "m", "", "k", "M", "G", "T", "P", "E"];
const bytes: Scale = { base: 1024, names: ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"] };
const decbytes: Scale = { base: 1000, names: ["B", "kB", "MB", "GB", "TB", "PB", "EB"] };
const bits: Scale = { base: 1024, names: ["b", "Kib", "Mib", "Gib", "Tib", "Pib"] };
const decbits: Scale = { base: 1000, names: ["b", "kb", "Mb", "Gb", "Tb", "Pb"] };
const per = (scale: Scale): Scale => ({ base: scale.base, names: scale.names.map((n) => n + "/s") });
const from = (scale: Scale, first: number): Scale => ({ base: scale.base, names: scale.names.slice(first) });

const scales: Record<string, Scale> = {
  bytes,
  decbytes,
  bits,
  decbits,
  kbytes: from(bytes, 1),
  mbytes: from(bytes, 2),
  gbytes: from(bytes, 3),
  deckbytes: from(decbytes, 1),
  decmbytes: from(decbytes, 2),
  decgbytes: from(decbytes, 3),
  binBps: per(bytes),
  Bps: per(decbytes),
  KBs: per(from(decbytes, 1)),
  MBs: per(from(decbytes, 2)),
  GBs: per(from(decbytes, 3)),
  KiBs: per(from(bytes, 1)),
  MiBs: per(from(bytes, 2)),
  binbps: per(bits),
  bps: per(decbits),
  Kbits: per(from(decbits, 1)),
  Mbits: per(from(decbits, 2)),
  Gbits: per(from(decbits, 3)),
  short: { base: 1000, names: ["", "K", "Mil", "Bil", "Tri", "Quadr"] },
};

// Units with SI prefixes on both sides of 1.
const prefixed: Record<string, string> = {
  watt: "W",
  hertz: "Hz",
  joule: "J",
  volt: "V",
  amp: "A",
  pps: "p/s",
  flops: "FLOPS",
  sishort: "",
};
const shifted: Record<string, [string, number]> = { kwatt: ["W", 3], megwatt: ["W", 6], mwatt: ["W", -3], rothz: ["Hz", 0] };
// A number with a word behind it.
const words: Record<string, string> = {
  celsius: "°C",
  fahrenheit: "°F",
  kelvin: "K",
  humidity: "%H",
  rotrpm: "rpm",
  lux: "lx",
  degree: "°",
  dB: "dB",
  pressurebar: "bar",
};
const rates: Record<string, string> = {
  reqps: "req/s",
  rps: "r/s",
  ops: "ops/s",
  cps: "c/s",
  iops: "io/s",
  wps: "w/s",
  rpm: "r/m",
  opm: "ops/m",
  eps: "evt/s",
  mps: "msg/s",
};
/** currencies have their sign before the number. */
const currencies: Record<string, string> = {
  currencyUSD: "$",
  currencyEUR: "€",
  currencyGBP: "£",
  currencyJPY: "¥",
  currencyCNY: "¥",
  currencyKRW: "₩",
  currencyINR: "₹",
  currencyBRL: "R$",
  currencyCHF: "CHF ",
};
const times: Record<string, number> = { ns: 1e-9, µs: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600, d: 86400 };

/** digits is how many decimals tell a number apart from its neighbours, as people
 * expect: more for small ones, none for large. */
function fixed(value: number, decimals: number | undefined): string {
  if (decimals !== undefined) return value.toFixed(Math.min(decimals, 20));
  const size = Math.abs(value);
  if (Number.isInteger(value)) return String(value);
  const places = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : size >= 0.1 ? 3 : Math.min(12, 2 - Math.floor(Math.log10(size)));
  return String(Number(value.toFixed(places)));
}

function scaled(value: number, scale: Scale, decimals?: number): Shown {
  let i = 0,
    v = value;
  while (Math.abs(v) >= scale.base && i < scale.names.length - 1) {
    v /= scale.base;
    i++;
  }
  return { text: fixed(v, decimals), suffix: scale.names[i] && " " + scale.names[i] };
}

function withPrefix(value: number, unit: string, power: number, decimals?: number): Shown {
  let i = 4 + power / 3,
    v = value;
  while (Math.abs(v) >= 1000 && i < si.length - 1) {
    v /= 1000;
    i++;
  }
  while (Math.abs(v) < 1 && v !== 0 && i > 0) {
    v *= 1000;
    i--;
  }
  return { text: fixed(v, decimals), suffix: si[i] + unit && " " + si[i] + unit };
}

const longer: [number, string][] = [
  [31536000, "years"],
  [604800, "weeks"],
  [86400, "days"],
  [3600, "hours"],
  [60, "mins"],
  [1, "s"],
  [1e-3, "ms"],
  [1e-6, "µs"],
  [1e-9, "ns"],
];

function time(seconds: number, decimals?: number): Shown {
  const size = Math.abs(seconds);
  const [unit, name] = longer.find(([u]) => size >= u) ?? (size === 0 ? [1, "s"] : [1e-9, "ns"]);
  const v = seconds / unit;
  return { text: fixed(v, decimals), suffix: " " + (Math.abs(v) === 1 && unit >= 60 ? name.replace(/s$/, "") : name) };
}

const roundSteps = [
  ...[-9, -8, -7, -6, -5, -4, -3, -2, -1].flatMap((e) => [1, 2, 5].map((n) => Number(`${n}e${e}`))),
  ...[1, 2, 5, 10, 15, 30],
  ...[1, 2, 5, 10, 15, 30].map((n) => n * 60),
  ...[1, 2, 3, 6, 12].map((n) => n * 3600),
  ...[1, 2, 7, 14, 28, 91, 182, 364, 728, 3640].map((n) => n * 86400),
];

/** timeSteps are the round distances of an axis in a unit of time: seconds, minutes, hours and
 * days have other ones than numbers; none for other units. */
export function timeSteps(unit = ""): number[] | undefined {
  return times[unit] === undefined ? undefined : roundSteps.map((s) => s / times[unit]);
}

/** timeMark writes a mark of an axis whose marks are a step apart: all in the one part of
 * time in which that step is round. */
export function timeMark(value: number, unit: string, step: number): string {
  const seconds = clean(value * times[unit]);
  if (seconds === 0) return "0";
  const [size, name] = longer.find(([u, n]) => n !== "weeks" && n !== "years" && clean(step * times[unit]) >= (u >= 60 ? u / 2 : u)) ?? [
    1e-9,
    "ns",
  ];
  const v = clean(seconds / size);
  return `${fixed(v, undefined)} ${Math.abs(v) === 1 && size >= 60 ? name.replace(/s$/, "") : name}`;
}

/** dtdurations is a length of time in its two largest parts: "3 days 4 hours". */
function spoken(seconds: number): string {
  const parts: string[] = [];
  let rest = Math.abs(seconds);
  for (const [unit, word] of [
    [31536000, "year"],
    [86400, "day"],
    [3600, "hour"],
    [60, "minute"],
    [1, "second"],
  ] as const) {
    const n = Math.floor(rest / unit);
    if (n > 0 && parts.length < 2) {
      parts.push(`${n} ${word}${n === 1 ? "" : "s"}`);
      rest -= n * unit;
    } else if (parts.length > 0) break;
  }
  return parts.join(" ") || "0 seconds";
}

/** show writes a value in a unit; unknown units are written as they are. */
export function show(value: number | null | undefined, unit = "", decimals?: number): Shown {
  if (value === null || value === undefined) return { text: "–", suffix: "" };
  if (Number.isNaN(value)) return { text: "NaN", suffix: "" };
  if (!Number.isFinite(value)) return { text: value > 0 ? "∞" : "-∞", suffix: "" };
  if (scales[unit]) return scaled(value, scales[unit], decimals);
  if (prefixed[unit] !== undefined) return withPrefix(value, prefixed[unit], 0, decimals);
  if (shifted[unit]) return withPrefix(value, shifted[unit][0], shifted[unit][1], decimals);
  if (words[unit]) return { text: fixed(value, decimals), suffix: " " + words[unit] };
  if (rates[unit]) {
    const k = scaled(value, { base: 1000, names: ["", "K", "M", "B"] }, decimals);
    return { text: k.text, suffix: k.suffix.trim() + " " + rates[unit] };
  }
  if (currencies[unit]) {
    const k = scaled(Math.abs(value), { base: 1000, names: ["", "K", "M", "B"] }, decimals);
    return { text: (value < 0 ? "-" : "") + currencies[unit] + k.text, suffix: k.suffix.trim() };
  }
  if (times[unit] !== undefined) return time(value * times[unit], decimals);
  switch (unit) {
    case "percent":
      return { text: fixed(value, decimals), suffix: "%" };
    case "percentunit":
      return { text: fixed(clean(value * 100), decimals), suffix: "%" };
    case "bool":
      return { text: value ? "True" : "False", suffix: "" };
    case "bool_yes_no":
      return { text: value ? "Yes" : "No", suffix: "" };
    case "bool_on_off":
      return { text: value ? "On" : "Off", suffix: "" };
    case "dtdurations":
      return { text: spoken(value), suffix: "" };
    case "dtdurationms":
      return { text: spoken(value / 1000), suffix: "" };
    case "locale":
      return { text: value.toLocaleString("en-US", { maximumFractionDigits: decimals ?? 3 }), suffix: "" };
    case "dateTimeAsIso":
      return { text: stamp(value), suffix: "" };
    case "hex":
      return { text: Math.round(value).toString(16).toUpperCase(), suffix: "" };
    case "sci":
      return { text: value.toExponential(decimals), suffix: "" };
    case "":
    case "none":
      return { text: fixed(value, decimals), suffix: "" };
  }
  const custom = /^(suffix|prefix):(.*)$/.exec(unit);
  if (custom?.[1] === "prefix") return { text: custom[2] + fixed(value, decimals), suffix: "" };
  return { text: fixed(value, decimals), suffix: " " + (custom ? custom[2] : unit) };
}

/** clean drops what is only rounding: 0.07 * 100 is 7. */
function clean(value: number): number {
  return Number(value.toPrecision(12));
}

/** format is show as one text. */
export function format(value: number | null | undefined, unit?: string, decimals?: number): string {
  const { text, suffix } = show(value, unit, decimals);
  return text + suffix;
}

/** binary reports whether a unit's round numbers are powers of 1024. */
export function binary(unit = ""): boolean {
  return scales[unit]?.base === 1024;
}

/** unitNames are those that the panel editor offers. */
export const unitNames: [string, string][] = [
  ["short", "Short: 1.2 K"],
  ["none", "Number"],
  ["percentunit", "Percent (0.0–1.0)"],
  ["percent", "Percent (0–100)"],
  ["bytes", "Bytes (IEC)"],
  ["decbytes", "Bytes (SI)"],
  ["binBps", "Bytes per second (IEC)"],
  ["Bps", "Bytes per second (SI)"],
  ["bps", "Bits per second"],
  ["s", "Seconds"],
  ["ms", "Milliseconds"],
  ["dtdurations", "Length of time"],
  ["reqps", "Requests per second"],
  ["ops", "Operations per second"],
  ["hertz", "Hertz"],
  ["celsius", "Degrees Celsius"],
  ["watt", "Watts"],
  ["joule", "Joules"],
  ["bool", "True or false"],
];
