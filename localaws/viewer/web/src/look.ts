// How values look: colours, thresholds and value mappings.

import { pattern, reduce, type Series } from "./frames";
import type { FieldConfig, Thresholds } from "./model";
import { show } from "./units";

export const dark = () => document.documentElement.dataset.theme === "dark";

// Two palettes of the same hues, for the two backgrounds; neighbours differ in
// lightness too, for those who do not see all hues.
const palettes = {
  dark: [
    "#6ea8ff",
    "#f2b457",
    "#6fcf97",
    "#ff8080",
    "#b79cff",
    "#57d0d6",
    "#f59ac6",
    "#b8cc5c",
    "#e39b6b",
    "#93a4c8",
    ...["#3f7fe0", "#c98a1e", "#2fa866", "#d9534f", "#8f6ee8", "#2aa7ad", "#d46aa3", "#94a83a", "#c07a45", "#6d7fa6"],
  ],
  light: [
    "#2563d9",
    "#c77700",
    "#218a4b",
    "#d13c3c",
    "#7445d8",
    "#0b8792",
    "#c2478a",
    "#6b7f0f",
    "#a3561f",
    "#566a94",
    ...["#6f9bf0", "#e0a23c", "#5bbf85", "#e77f7f", "#a583ee", "#4db5bf", "#de86b4", "#9bae45", "#cc8a5a", "#8d9bb8"],
  ],
};

const hues: Record<string, [string, string]> = {
  green: ["#57b97a", "#23834a"],
  yellow: ["#ecc94b", "#b58700"],
  orange: ["#f29a4b", "#cf6a0e"],
  red: ["#f2706f", "#cf3434"],
  blue: ["#6ea8ff", "#2563d9"],
  purple: ["#b79cff", "#7445d8"],
  text: ["#dfe3eb", "#1d2530"],
  gray: ["#8b95a7", "#6a7485"],
  white: ["#ffffff", "#ffffff"],
  black: ["#000000", "#000000"],
  transparent: ["transparent", "transparent"],
};

/** colour is a colour of Grafana's, by its name or as it is in CSS. */
export function colour(name: string): string {
  const plain = name.replace(/^(super-light|semi-dark|light|dark)-/, "");
  return hues[plain]?.[dark() ? 0 : 1] ?? name;
}

/** paletteColour is that of the i-th series. */
export function paletteColour(i: number): string {
  const palette = palettes[dark() ? "dark" : "light"];
  return palette[i % palette.length];
}

/** seriesColour is what a series is drawn in. */
export function seriesColour(series: Series, i: number): string {
  const { color } = series.config;
  if (color?.mode === "fixed" && color.fixedColor) return colour(color.fixedColor);
  if (color?.mode === "shades" && color.fixedColor) return colour(color.fixedColor);
  if (color?.mode === "thresholds") return thresholdColour(reduce(series.values, "lastNotNull"), series.config);
  return paletteColour(i);
}

/** steps are the thresholds in the unit of the values. */
export function steps(thresholds: Thresholds | undefined, min: number, max: number): { value: number; color: string }[] {
  return (thresholds?.steps ?? [{ value: null, color: "green" }]).map((s) => ({
    value:
      s.value === null || s.value === undefined
        ? -Infinity
        : thresholds!.mode === "percentage"
          ? min + ((max - min) * s.value) / 100
          : s.value,
    color: colour(s.color),
  }));
}

/** thresholdColour is that of the highest threshold that a value has reached. */
export function thresholdColour(value: number | null, config: FieldConfig): string {
  const all = steps(config.thresholds, config.min ?? 0, config.max ?? 100);
  if (value === null) return colour("gray");
  return (all.findLast((s) => value >= s.value) ?? all[0]).color;
}

/** valueColour is what a single value is drawn in. */
export function valueColour(value: number | null, config: FieldConfig, i: number): string {
  const mode = config.color?.mode;
  const mapped = mapping(value, config)?.color;
  if (mapped) return colour(mapped);
  if (mode === "fixed" && config.color?.fixedColor) return colour(config.color.fixedColor);
  if (mode === "palette-classic") return paletteColour(i);
  return thresholdColour(value, config);
}

/** colourKey is what each colour of a panel stands for: the texts of its values, or from where on its
 * thresholds hold. */
export function colourKey(config: FieldConfig): { text: string; color: string }[] {
  const named = (config.mappings ?? []).filter((m) => m.type === "value" && m.options).flatMap((m) => Object.entries<any>(m.options));
  if (named.length > 0) return named.map(([v, to]) => ({ text: String(to.text ?? v), color: valueColour(Number(v), config, 0) }));
  const all = steps(config.thresholds, config.min ?? 0, config.max ?? 100),
    written = (v: number) => {
      const { text, suffix } = show(v, config.unit, config.decimals ?? undefined);
      return text + suffix;
    };
  if (all.length < 2) return [];
  return all.map((s, i) => ({ text: i === 0 ? `< ${written(all[1].value)}` : `≥ ${written(s.value)}`, color: s.color }));
}

/** mapping is the text and colour that a value stands for, if it does. */
export function mapping(value: unknown, config: FieldConfig): { text?: string; color?: string } | undefined {
  for (const { type, options } of config.mappings ?? []) {
    if (!options) continue; // of an older kind
    if (type === "value" && options?.[String(value)]) return options[String(value)];
    if (type === "range" && typeof value === "number" && value >= (options.from ?? -Infinity) && value <= (options.to ?? Infinity))
      return options.result;
    if (type === "regex" && typeof value === "string" && pattern(options.pattern)?.test(value)) return options.result;
    if (type !== "special") continue;
    const match = String(options.match);
    const missing = value === null || value === undefined,
      nan = Number.isNaN(value);
    if (
      (match === "null" && missing) ||
      (match === "nan" && nan) ||
      (match === "null+nan" && (missing || nan)) ||
      (match === "empty" && value === "") ||
      (match === "true" && value === true) ||
      (match === "false" && value === false)
    )
      return options.result;
  }
  return undefined;
}

/** shown is a value as text: mapped, in its unit, or what stands for none. */
export function shown(value: number | null, config: FieldConfig): { text: string; suffix: string } {
  const mapped = mapping(value, config);
  if (mapped?.text) return { text: mapped.text, suffix: "" };
  if (value === null || value === undefined) return { text: config.noValue ?? "No data", suffix: "" };
  return show(value, config.unit, config.decimals ?? undefined);
}

export function text(value: number | null, config: FieldConfig): string {
  const { text, suffix } = shown(value, config);
  return text + suffix;
}

/** withAlpha makes a colour see-through. */
export function withAlpha(color: string, alpha: number): string {
  return `color-mix(in srgb, ${color} ${Math.round(alpha * 100)}%, transparent)`;
}
