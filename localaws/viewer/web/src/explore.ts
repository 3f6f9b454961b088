// Explore: any query, as a graph and as a table.

import * as api from "./api";
import { isPrometheus, parameters, setParameters, type App } from "./app";
import { completed } from "./complete";
import { h, icon } from "./dom";
import { decode, settle } from "./frames";
import { newPanel, type Panel } from "./model";
import type { Page } from "./page";
import { still } from "./panels/drawing";
import { table } from "./panels/table";
import { timeseries } from "./panels/timeseries";
import { TimeBar } from "./timebar";
import { interval } from "./time";

export class ExplorePage implements Page {
  readonly element = h("div", { class: "explore" });
  private readonly time: TimeBar;
  private readonly source: HTMLSelectElement;
  private readonly expr = h("textarea", {
    rows: 1,
    spellcheck: "false",
    placeholder: "A PromQL query, for example up",
    "aria-label": "Query",
    value: parameters().get("expr") ?? "",
  });
  private readonly graph = h("div", { class: "content kind-timeseries" });
  private readonly rows = h("div", { class: "content kind-table" });
  private readonly said = h("div", null);
  private running: AbortController | undefined;
  private graphed = still;
  private listed = still;

  constructor(app: App) {
    document.title = "Explore · Local Grafana";
    this.time = new TimeBar({ from: "now-1h", to: "now" }, "", () => void this.run());
    const sources = app.settings.sources.filter(isPrometheus),
      named = parameters().get("source");
    this.source = h(
      "select",
      { "aria-label": "Data source", onchange: () => void this.run() },
      sources.map((s) =>
        h("option", { value: s.uid, selected: named ? s.uid === named : s.isDefault }, s.name + (s.isDefault ? " (default)" : "")),
      ),
    );
    this.element.append(
      h(
        "header",
        { class: "head" },
        h("div", { class: "title" }, h("h1", null, "Explore"), this.source),
        h("div", { class: "tools" }, this.time.element),
      ),
      h(
        "div",
        { class: "ask" },
        completed(
          this.expr,
          () => this.source.value,
          () => void this.run(),
        ),
        h("button", { class: "primary", onclick: () => void this.run() }, "Run query"),
      ),
      this.said,
      h("section", { class: "panel tall", "aria-label": "Graph" }, h("header", null, h("h3", null, "Graph")), this.graph),
      h(
        "section",
        { class: "panel", "aria-label": "Table" },
        h("header", null, h("h3", null, "Now"), h("span", { class: "dim" }, "at the end of the time range")),
        this.rows,
      ),
    );
  }

  async open(): Promise<void> {
    this.expr.focus();
    await this.run();
  }

  leave(): void {
    this.time.stop();
    this.running?.abort();
    this.graphed.destroy();
  }

  private async run(): Promise<void> {
    const expr = this.expr.value.trim();
    setParameters({ expr: expr || undefined, source: this.source.value || undefined }, true);
    if (!this.source.value) {
      this.tell(h("div", { class: "empty" }, "There is no Prometheus data source to query."));
      return;
    }
    if (!expr) {
      this.tell(
        h(
          "div",
          { class: "empty" },
          icon("explore"),
          h("p", null, "Type a query. Metric names and labels complete as you type; Enter runs it."),
        ),
      );
      return;
    }
    this.running?.abort();
    const running = (this.running = new AbortController()),
      span = this.time.span(),
      points = Math.max(this.graph.clientWidth || 900, 100);
    const like = {
      datasource: { uid: this.source.value },
      expr,
      legendFormat: "",
      intervalMs: interval(span, points, 15_000),
      maxDataPoints: points,
    };
    try {
      const answer = await api.query(
        [
          { ...like, refId: "A", instant: false, range: true, format: "time_series" },
          { ...like, refId: "B", instant: true, range: false, format: "table" },
        ],
        span.from,
        span.to,
        running.signal,
      );
      const first = answer.errors[0];
      if (first) throw new Error(first.message);
      this.show(answer.frames, span);
    } catch (e) {
      if (!running.signal.aborted)
        this.tell(h("div", { class: "empty bad", role: "alert" }, icon("warn"), h("p", null, (e as Error).message)));
    }
  }

  private tell(what: HTMLElement): void {
    this.graphed.destroy();
    this.graphed = still;
    this.said.replaceChildren(what);
    this.element.classList.add("silent");
  }

  private show(raw: api.RawFrame[], span: { from: number; to: number }): void {
    this.said.replaceChildren();
    this.element.classList.remove("silent");
    const panel: Panel = newPanel([], {}),
      common = { panel, span, scope: {}, sync: "", zoom: (from: number, to: number) => this.time.zoom(from, to) };
    const frames = decode(raw),
      lines = settle(
        frames.filter((f) => f.refId === "A"),
        panel,
      ),
      now = frames.filter((f) => f.refId === "B");
    const drawing = { ...common, host: this.graph, frames: lines },
      listing = { ...common, host: this.rows, frames: now };
    if (!this.graphed.update?.(drawing)) {
      this.graphed.destroy();
      if (lines.length === 0) this.graph.replaceChildren(h("div", { class: "empty" }, "No data"));
      this.graphed = lines.length > 0 ? timeseries(drawing) : still;
    }
    if (!this.listed.update?.(listing)) this.listed = table(listing);
  }
}
