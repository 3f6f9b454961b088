// The panel editor: a preview, the queries, and the settings that people change most.

import { isPrometheus } from "./app";
import { completed } from "./complete";
import type { DashboardPage } from "./dashboard";
import { h, icon, fill } from "./dom";
import { optionsFor, type Panel, type Target } from "./model";
import { kinds } from "./panels/panels";
import { PanelView, type Around } from "./panelview";
import { unitNames } from "./units";

/** editPanel is the editor of one panel; whatever it changes is seen at once. */
export function editPanel(page: DashboardPage, panel: Panel, around: Around): HTMLElement {
  const preview = h("div", { class: "preview" });
  const redraw = () => {
    const view = new PanelView(panel, { ...around, actions: () => [] });
    fill(preview, view.element);
    page.adopt(view);
  };
  const changed = () => {
    page.touched();
    redraw();
  };
  const queries = h("div", { class: "queries" }),
    settings = h("div", { class: "settings" });
  const drawQueries = () =>
    fill(
      queries,
      panel.type === "text"
        ? []
        : [
            (panel.targets ??= []).map((t) =>
              queryRow(page, panel, t, changed, () => {
                panel.targets = panel.targets!.filter((x) => x !== t);
                drawQueries();
                changed();
              }),
            ),
            h(
              "button",
              {
                class: "quiet",
                onclick: () => {
                  panel.targets!.push(nextTarget(panel));
                  drawQueries();
                },
              },
              icon("plus"),
              "Add query",
            ),
          ],
    );
  const drawSettings = () =>
    fill(
      settings,
      form(panel, changed, () => {
        drawQueries();
        drawSettings();
        changed();
      }),
    );
  drawQueries();
  drawSettings();
  queueMicrotask(() => {
    redraw();
    queries.querySelector("textarea")?.focus();
  });
  return h("div", { class: "editor" }, h("div", { class: "main" }, preview, queries), settings);
}

function nextTarget(panel: Panel): Target {
  const used = new Set(panel.targets!.map((t) => t.refId)),
    refId = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"].find((c) => !used.has(c)) ?? `Q${used.size}`;
  return { refId, datasource: panel.datasource, expr: "", legendFormat: "__auto", range: true, instant: false, editorMode: "code" };
}

function queryRow(page: DashboardPage, panel: Panel, t: Target, changed: () => void, remove: () => void): HTMLElement {
  const sources = page.app.settings.sources.filter(isPrometheus),
    standard = sources.find((s) => s.isDefault);
  const uid = () => (typeof t.datasource === "object" ? t.datasource?.uid : undefined) ?? standard?.uid ?? "";
  const expr = h("textarea", {
    rows: 1,
    spellcheck: "false",
    placeholder: "A PromQL query, for example up",
    "aria-label": `Query ${t.refId}`,
    value: t.expr ?? "",
  });
  const run = () => {
    t.expr = expr.value.trim();
    changed();
  };
  expr.addEventListener("change", run);
  const source = h(
    "select",
    {
      "aria-label": "Data source",
      onchange: () => {
        const chosen = sources.find((s) => s.uid === source.value)!;
        t.datasource = { type: chosen.type, uid: chosen.uid };
        if (panel.targets!.length === 1) panel.datasource = t.datasource;
        changed();
      },
    },
    sources.map((s) => h("option", { value: s.uid, selected: s.uid === uid() }, s.name + (s.isDefault ? " (default)" : ""))),
  );
  const legend = h("input", {
    "aria-label": "Legend",
    placeholder: "Legend, for example {{instance}}",
    value: t.legendFormat === "__auto" ? "" : (t.legendFormat ?? ""),
    onchange: () => {
      t.legendFormat = legend.value || "__auto";
      changed();
    },
  });
  const select = (label: string, value: string, options: [string, string][], set: (v: string) => void) => {
    const s = h(
      "select",
      {
        "aria-label": label,
        onchange: () => {
          set(s.value);
          changed();
        },
      },
      options.map(([v, text]) => h("option", { value: v, selected: v === value }, text)),
    );
    return s;
  };
  return h(
    "fieldset",
    { class: "query" },
    h(
      "legend",
      null,
      t.refId,
      h("button", { type: "button", class: "plain", "aria-label": `Remove query ${t.refId}`, onclick: remove }, icon("close")),
    ),
    h("div", { class: "ask" }, completed(expr, uid, run), h("button", { class: "primary", type: "button", onclick: run }, "Run")),
    h(
      "div",
      { class: "fields" },
      source,
      legend,
      select(
        "Format",
        t.format ?? "time_series",
        [
          ["time_series", "Time series"],
          ["table", "Table"],
        ],
        (v) => {
          t.format = v;
        },
      ),
      select(
        "Kind",
        t.instant ? "instant" : "range",
        [
          ["range", "Range"],
          ["instant", "Instant"],
        ],
        (v) => {
          t.instant = v === "instant";
          t.range = v === "range";
        },
      ),
    ),
  );
}

/** form are the settings of a panel; retype is called when another kind was chosen. */
function form(panel: Panel, changed: () => void, retype: () => void): HTMLElement[] {
  const config = (panel.fieldConfig ??= { defaults: {}, overrides: [] }).defaults,
    options = (panel.options ??= optionsFor(panel.type)),
    custom = (config.custom ??= {});
  const field = (label: string, control: HTMLElement) => h("label", null, h("span", null, label), control);
  const text = (value: string | undefined, set: (v: string) => void, more = {}) => {
    const input = h("input", {
      value: value ?? "",
      onchange: () => {
        set(input.value);
        changed();
      },
      ...more,
    });
    return input;
  };
  const number = (value: number | null | undefined, set: (v: number | undefined) => void) =>
    text(
      value === null || value === undefined ? "" : String(value),
      (v) => set(v.trim() === "" || Number.isNaN(Number(v)) ? undefined : Number(v)),
      { inputmode: "decimal", placeholder: "auto" },
    );
  const select = (value: string, all: [string, string][], set: (v: string) => void, after = changed) => {
    if (!all.some(([v]) => v === value)) all = [[value, value || "–"], ...all];
    const s = h(
      "select",
      {
        onchange: () => {
          set(s.value);
          after();
        },
      },
      all.map(([v, t]) => h("option", { value: v, selected: v === value }, t)),
    );
    return s;
  };
  const steps = config.thresholds?.steps
    .filter((s) => s.value !== null)
    .map((s) => `${s.value}:${s.color}`)
    .join(", ");
  const setSteps = (v: string) => {
    const read = v
      .split(",")
      .map((p) => /^\s*(-?[\d.]+)\s*:\s*([#\w-]+)\s*$/.exec(p))
      .filter((m) => m !== null)
      .map((m) => ({ value: Number(m[1]), color: m[2] }));
    config.thresholds = {
      mode: config.thresholds?.mode ?? "absolute",
      steps: [{ value: null, color: config.thresholds?.steps[0]?.color ?? "green" }, ...read],
    };
  };
  const out = [
    field(
      "Kind",
      select(
        panel.type,
        Object.entries(kinds)
          .filter(([k]) => k !== "graph")
          .map(([k, v]) => [k, v.title]),
        (v) => {
          panel.type = v;
          panel.options = optionsFor(v);
        },
        retype,
      ),
    ),
    field(
      "Title",
      text(panel.title, (v) => {
        panel.title = v;
      }),
    ),
    field(
      "Description",
      text(panel.description, (v) => {
        panel.description = v;
      }),
    ),
    h(
      "div",
      { class: "pair" },
      field(
        "Width, of 24",
        number(panel.gridPos.w, (v) => {
          panel.gridPos.w = Math.max(1, Math.min(24 - panel.gridPos.x, v ?? 12));
        }),
      ),
      field(
        "Height",
        number(panel.gridPos.h, (v) => {
          panel.gridPos.h = Math.max(2, v ?? 8);
        }),
      ),
    ),
  ];
  if (panel.type === "text") {
    const area = h("textarea", {
      rows: 12,
      value: options.content ?? "",
      onchange: () => {
        options.content = area.value;
        changed();
      },
    });
    return [...out, field("Markdown", area)];
  }
  out.push(
    field(
      "Unit",
      select(config.unit ?? "", unitNames, (v) => {
        config.unit = v;
      }),
    ),
    h(
      "div",
      { class: "pair" },
      field(
        "Min",
        number(config.min, (v) => {
          config.min = v;
        }),
      ),
      field(
        "Max",
        number(config.max, (v) => {
          config.max = v;
        }),
      ),
    ),
    field(
      "Decimals",
      number(config.decimals, (v) => {
        config.decimals = v;
      }),
    ),
  );
  if (panel.type === "timeseries") {
    const shown = (options.legend ??= {});
    out.push(
      field(
        "Style",
        select(
          custom.drawStyle ?? "line",
          [
            ["line", "Lines"],
            ["bars", "Bars"],
            ["points", "Points"],
          ],
          (v) => {
            custom.drawStyle = v;
          },
        ),
      ),
      h(
        "div",
        { class: "pair" },
        field(
          "Line width",
          number(custom.lineWidth, (v) => {
            custom.lineWidth = v ?? 1;
          }),
        ),
        field(
          "Fill, %",
          number(custom.fillOpacity, (v) => {
            custom.fillOpacity = v ?? 0;
          }),
        ),
      ),
      field(
        "Stack",
        select(
          custom.stacking?.mode ?? "none",
          [
            ["none", "No"],
            ["normal", "Yes"],
            ["percent", "As shares"],
          ],
          (v) => {
            custom.stacking = { mode: v, group: "A" };
          },
        ),
      ),
      field(
        "Legend",
        select(
          shown.showLegend === false ? "hidden" : (shown.displayMode ?? "list"),
          [
            ["list", "List"],
            ["table", "Table with values"],
            ["hidden", "None"],
          ],
          (v) => {
            Object.assign(shown, {
              showLegend: v !== "hidden",
              displayMode: v === "hidden" ? "list" : v,
              calcs: v === "table" ? ["mean", "max", "lastNotNull"] : [],
            });
          },
        ),
      ),
    );
  } else if (panel.type !== "table") {
    const reduceOptions = (options.reduceOptions ??= {});
    out.push(
      field(
        "Value",
        select(
          reduceOptions.calcs?.[0] ?? "lastNotNull",
          [
            ["lastNotNull", "Last"],
            ["mean", "Mean"],
            ["max", "Max"],
            ["min", "Min"],
            ["sum", "Total"],
          ],
          (v) => {
            reduceOptions.calcs = [v];
          },
        ),
      ),
    );
  }
  out.push(field("Thresholds", text(steps, setSteps, { placeholder: "0.8:orange, 0.9:red" })));
  return out;
}
