import { h, fill } from "../dom";
import type { Field, Frame } from "../frames";
import { mapping, text, valueColour, colour, withAlpha } from "../look";
import { stamp } from "../time";
import { nothing, type Drawing } from "./drawing";

const maxRows = 1000;

/** table shows frames as they are, one at a time, sorted by a click on a column. */
export function table(d: Drawing): () => void {
  const { frames } = d;
  if (frames.length === 0) {
    d.host.replaceChildren(h("div", { class: "empty" }, d.panel.fieldConfig?.defaults.noValue ?? "No data"));
    return nothing;
  }
  const body = h("div", { class: "scroll" });
  const show = (frame: Frame) => fill(body, grid(frame, d.panel.options?.sortBy?.[0]));
  const name = (f: Frame) => f.fields.find((x) => x.type === "number")?.label ?? f.refId;
  d.host.replaceChildren(body, ...(frames.length > 1 ? [h("select", { class: "frames", "aria-label": "Series", onchange: (e: Event) => show(frames[Number((e.target as HTMLSelectElement).value)]) },
    frames.map((f, i) => h("option", { value: i }, name(f))))] : []));
  show(frames[0]);
  return nothing;
}

function grid(frame: Frame, initial?: { displayName: string; desc?: boolean }): HTMLElement {
  const fields = frame.fields.filter((f) => !f.config.custom?.hidden);
  const order = Array.from({ length: Math.max(0, ...fields.map((f) => f.values.length)) }, (_, i) => i);
  let sorted = fields.findIndex((f) => f.label === initial?.displayName), down = initial?.desc ?? false;
  const body = h("tbody", null);
  const head = fields.map((f, i) => h("th", { class: f.type === "number" ? "num" : "" }, h("button", { onclick: () => { down = sorted === i && !down; sorted = i; draw(); } }, f.label)));
  const draw = () => {
    if (sorted >= 0) order.sort((a, b) => compare(fields[sorted].values[a], fields[sorted].values[b]) * (down ? -1 : 1));
    head.forEach((th, i) => th.setAttribute("aria-sort", i !== sorted ? "none" : down ? "descending" : "ascending"));
    fill(body, order.slice(0, maxRows).map((row) => h("tr", null, fields.map((f) => cell(f, row)))),
      order.length > maxRows && h("tr", null, h("td", { colspan: fields.length, class: "dim" }, `The first ${maxRows} of ${order.length} rows.`)));
  };
  draw();
  return h("table", { class: "data" }, h("thead", null, h("tr", null, head)), body);
}

function compare(a: unknown, b: unknown): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a ?? "").localeCompare(String(b ?? ""), undefined, { numeric: true });
}

function cell(f: Field, row: number): HTMLElement {
  const value = f.values[row];
  if (f.type === "time") return h("td", { class: "time" }, value === null || value === undefined ? "" : stamp(value));
  if (f.type !== "number") {
    const mapped = mapping(value, f.config);
    return h("td", { style: mapped?.color ? { color: colour(mapped.color) } : {} }, mapped?.text ?? String(value ?? ""));
  }
  const how: string = f.config.custom?.cellOptions?.type ?? f.config.custom?.displayMode ?? "auto", color = valueColour(value, f.config, 0);
  const style = how === "color-text" ? { color } : how.startsWith("color-background") ? { background: withAlpha(color, 0.25) } : {};
  return h("td", { class: "num", style }, value === undefined || value === null ? "" : text(value, f.config));
}
