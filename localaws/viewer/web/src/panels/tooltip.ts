import type uPlot from "uplot";
import { h } from "../dom";
import type { Series } from "../frames";
import { text } from "../look";
import type { Panel } from "../model";
import { stamp } from "../time";

/** near is how many pixels away a point may be that the pointer shows. */
export const near = 30;

const most = 14; // rows: what does not fit on a screen is not read

/** tooltip shows, beside the pointer, the time and the values of all series then. */
export function tooltip(panel: Panel, current: () => Series[], colours: string[]): uPlot.Plugin {
  const mode: string = panel.options?.tooltip?.mode || "multi",
    sort: string = panel.options?.tooltip?.sort || "desc";
  const box = h("div", { class: "tooltip", role: "status", "aria-live": "off" });
  let focused = -1,
    inside = false,
    series: Series[] = [],
    at: Map<number, number | null>[] = [];

  const show = (u: uPlot) => {
    const { idx, left = -1, top = -1 } = u.cursor;
    box.hidden =
      !inside ||
      idx === null ||
      idx === undefined ||
      left < 0 ||
      mode === "none" ||
      Math.abs(u.valToPos(u.data[0][idx], "x") - left) > near;
    if (box.hidden) return;
    if (series !== current()) {
      series = current();
      at = series.map((s) => new Map(s.times.map((t, i) => [t, s.values[i]])));
    }
    const time = Math.round(u.data[0][idx!] * 1000);
    let rows = series.map((s, i) => ({ s, i, value: at[i].get(time) })).filter((r) => r.value !== undefined && u.series[r.i + 1].show);
    if (mode === "single") rows = rows.filter((r) => r.i === focused);
    if (sort !== "none") rows.sort((a, b) => ((b.value ?? -Infinity) - (a.value ?? -Infinity)) * (sort === "asc" ? -1 : 1));
    const cut = Math.max(0, Math.min(rows.length - most, rows.findIndex((r) => r.i === focused) - most + 1));
    const some = rows.slice(cut, cut + most);
    box.replaceChildren(
      h("div", { class: "when" }, stamp(time)),
      ...some.map((r) =>
        h(
          "div",
          { class: r.i === focused ? "row focused" : "row", dataset: { series: r.s.label, value: String(r.value) } },
          h("i", { style: { background: colours[r.i] } }),
          h("span", { class: "name" }, r.s.label),
          h("b", null, text(r.value ?? null, r.s.config)),
        ),
      ),
      ...(rows.length > some.length ? [h("div", { class: "dim" }, `and ${rows.length - some.length} more`)] : []),
    );
    place(u, box, left, top);
  };

  return {
    hooks: {
      init: (u) => {
        box.hidden = true;
        document.body.append(box);
        u.over.addEventListener("pointerenter", () => {
          inside = true;
        });
        u.over.addEventListener("pointerleave", () => {
          inside = false;
          box.hidden = true;
        });
      },
      setSeries: (u, i) => {
        focused = i === null ? -1 : i - 1;
        show(u);
      },
      setCursor: show,
      destroy: () => box.remove(),
    },
  };
}

function place(u: uPlot, box: HTMLElement, left: number, top: number): void {
  const over = u.over.getBoundingClientRect(),
    x = over.left + left,
    y = over.top + top;
  const width = box.offsetWidth,
    height = box.offsetHeight;
  box.style.left = `${x + width + 24 > innerWidth ? Math.max(4, x - width - 14) : x + 14}px`;
  box.style.top = `${Math.max(4, Math.min(y + 12, innerHeight - height - 4))}px`;
}
