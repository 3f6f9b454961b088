import { h, fill } from "../dom";
import type { Field, Frame } from "../frames";
import { mapping, text, valueColour, colour, withAlpha } from "../look";
import { stamp } from "../time";
import { still, type Drawing, type Drawn } from "./drawing";

const maxRows = 1000;

/** table shows frames as they are, one at a time, sorted by a click on a column. */
export function table(d: Drawing): Drawn {
  let { frames } = d;
  if (frames.length === 0) {
    d.host.replaceChildren(h("div", { class: "empty" }, d.panel.fieldConfig?.defaults.noValue ?? "No data"));
    return still;
  }
  const body = h("div", { class: "scroll" }),
    first = d.panel.options?.sortBy?.[0];
  const order: Order = { column: first?.displayName ?? "", down: first?.desc ?? false };
  let chosen = 0;
  const show = (frame: Frame) => fill(body, grid(frame, order));
  const name = (f: Frame) => f.fields.find((x) => x.type === "number")?.label ?? f.refId;
  d.host.replaceChildren(
    body,
    ...(frames.length > 1
      ? [
          h(
            "select",
            {
              class: "frames",
              "aria-label": "Series",
              onchange: (e: Event) => {
                chosen = Number((e.target as HTMLSelectElement).value);
                show(frames[chosen]);
              },
            },
            frames.map((f, i) => h("option", { value: i }, name(f))),
          ),
        ]
      : []),
  );
  show(frames[0]);
  return {
    destroy() {},
    update: (next) => {
      if (!body.isConnected || next.frames.map(name).join("\n") !== frames.map(name).join("\n")) return false;
      const { scrollTop, scrollLeft } = body;
      frames = next.frames;
      show(frames[chosen]);
      body.scrollTo(scrollLeft, scrollTop);
      return true;
    },
  };
}

/** Order is by which column, of this label, a table is sorted. */
interface Order {
  column: string;
  down: boolean;
}

function grid(frame: Frame, by: Order): HTMLElement {
  const fields = frame.fields.filter((f) => !f.config.custom?.hidden);
  const rows = Array.from({ length: Math.max(0, ...fields.map((f) => f.values.length)) }, (_, i) => i);
  const body = h("tbody", null);
  const head = fields.map((f) =>
    h(
      "th",
      { class: f.type === "number" ? "num" : "" },
      h(
        "button",
        {
          onclick: () => {
            by.down = by.column === f.label && !by.down;
            by.column = f.label;
            draw();
          },
        },
        f.label,
      ),
    ),
  );
  const draw = () => {
    const key = fields.find((f) => f.label === by.column);
    if (key) rows.sort((a, b) => compare(key.values[a], key.values[b]) * (by.down ? -1 : 1));
    head.forEach((th, i) => th.setAttribute("aria-sort", fields[i] !== key ? "none" : by.down ? "descending" : "ascending"));
    fill(
      body,
      rows.slice(0, maxRows).map((row) =>
        h(
          "tr",
          null,
          fields.map((f) => cell(f, row)),
        ),
      ),
      rows.length > maxRows &&
        h("tr", null, h("td", { colspan: fields.length, class: "dim" }, `The first ${maxRows} of ${rows.length} rows.`)),
    );
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
    const shown = mapped?.text ?? String(value ?? ""),
      name = shown.length <= 40 && !shown.includes(" "); // stays in one line: a browser would break it at each hyphen
    return h("td", { class: name ? "name" : "", style: mapped?.color ? { color: colour(mapped.color) } : {} }, shown);
  }
  const how: string = f.config.custom?.cellOptions?.type ?? f.config.custom?.displayMode ?? "auto",
    color = valueColour(value, f.config, 0);
  const style = how === "color-text" ? { color } : how.startsWith("color-background") ? { background: withAlpha(color, 0.25) } : {};
  return h("td", { class: "num", style }, value === undefined || value === null ? "" : text(value, f.config));
}
