import { h } from "../dom";
import { reduce, type Series } from "../frames";
import { text } from "../look";
import type { Panel } from "../model";

const titles: Record<string, string> = {
  lastNotNull: "Last *",
  last: "Last",
  firstNotNull: "First *",
  first: "First",
  min: "Min",
  max: "Max",
  mean: "Mean",
  sum: "Total",
  count: "Count",
  range: "Range",
  diff: "Difference",
  delta: "Delta",
  median: "Median",
};

/** legend names the series. A click shows one of them alone, with Ctrl or Shift
 * it takes one away or adds it; changed is called after shown was changed. */
export function legend(panel: Panel, series: Series[], colours: string[], shown: boolean[], changed: () => void): HTMLElement | null {
  const { showLegend = true, displayMode = "list", calcs = [] } = panel.options?.legend ?? {};
  if (!showLegend || displayMode === "hidden" || series.length === 0) return null;
  const buttons: HTMLElement[] = [];
  const choose = (i: number, e: MouseEvent) => {
    if (e.ctrlKey || e.metaKey || e.shiftKey) shown[i] = !shown[i];
    else {
      const alone = shown[i] && shown.filter(Boolean).length === 1;
      shown.forEach((_, j) => {
        shown[j] = alone || j === i;
      });
    }
    buttons.forEach((b, j) => b.setAttribute("aria-pressed", String(shown[j]))); // those that are listed
    changed();
  };
  const listed = series.map((s, i) => ({ s, i })).filter(({ s }) => !s.config.custom?.hideFrom?.legend);
  const name = (s: Series, i: number) =>
    (buttons[i] = h(
      "button",
      { class: "series", "aria-pressed": String(shown[i]), title: s.label, onclick: (e: MouseEvent) => choose(i, e) },
      h("i", { style: { background: colours[i] } }),
      h("span", null, s.label),
    ));
  const columns: string[] = calcs ?? [];
  if (displayMode === "table" && columns.length > 0) {
    return h(
      "div",
      { class: "legend table" },
      h(
        "table",
        null,
        h(
          "thead",
          null,
          h(
            "tr",
            null,
            h("th", null, "Name"),
            columns.map((c) => h("th", { class: "num" }, titles[c] ?? c)),
          ),
        ),
        h(
          "tbody",
          null,
          listed.map(({ s, i }) =>
            h(
              "tr",
              null,
              h("td", null, name(s, i)),
              columns.map((c) => h("td", { class: "num" }, text(reduce(s.values, c), s.config))),
            ),
          ),
        ),
      ),
    );
  }
  return h(
    "div",
    { class: "legend" },
    listed.map(({ s, i }) => {
      const button = name(s, i);
      for (const c of columns) button.append(h("span", { class: "dim" }, `${titles[c] ?? c}: ${text(reduce(s.values, c), s.config)}`));
      return button;
    }),
  );
}
