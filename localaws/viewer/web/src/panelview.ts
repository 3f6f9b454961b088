// One panel on a page: its frame, its queries, and what is drawn in it.

import { query, type Query, type Results } from "./api";
import { isPrometheus, sourceOf, type App } from "./app";
import { isLogs, metricQuery, queryLogs, type LogQuery } from "./cloudwatch";
import { h, icon, menu } from "./dom";
import { decode, settle } from "./frames";
import { interpolate, type Scope } from "./interpolate";
import type { Panel, SourceRef } from "./model";
import { still, type Drawing } from "./panels/drawing";
import { charted, drawPanel, known } from "./panels/panels";
import { transform, unknownSteps } from "./panels/transform";
import { duration, interval, resolve, type Span } from "./time";

export interface Around {
  app: App;
  sync: string;
  zoom: (from: number, to: number) => void;
  /** actions are those of the panel's menu. */
  actions: (panel: Panel) => { label: string; run: () => void; danger?: boolean }[];
}

const nothing: Results = { frames: [], errors: [] };
const leastInterval = 15_000; // milliseconds: Grafana's, when a data source names none

/** Said is why a panel may show less than it asks for: what failed, and what its
 * queries ask for that there is not. */
interface Said {
  failures: string[];
  reasons: string[];
}

export class PanelView {
  readonly element: HTMLElement;
  private readonly title = h("h3", null);
  private readonly notes = h("span", { class: "notes" });
  private readonly host = h("div", { class: "content" });
  private running: AbortController | undefined;
  private drawn = still;

  /** fresh is true until the panel was asked to load something. */
  fresh = true;

  /** own are the variables that the panel has another value of than the page. */
  constructor(
    readonly panel: Panel,
    private readonly around: Around,
    readonly own: Scope = {},
  ) {
    const more = h(
      "button",
      { class: "plain more", "aria-label": "Panel menu", "aria-haspopup": "menu", onclick: () => menu(more, around.actions(panel)) },
      icon("more"),
    );
    this.element = h(
      "section",
      {
        class: panel.transparent ? "panel clear" : "panel",
        dataset: { panel: String(panel.id), type: panel.type },
        "aria-label": panel.title ?? "",
      },
      h("header", null, this.title, this.notes, around.actions(panel).length > 0 && more),
      this.host,
    );
  }

  /** run asks the panel's queries and draws what they answer. */
  async run(span: Span, outer: Scope): Promise<void> {
    const scope = { ...outer, ...this.own };
    this.fresh = false;
    this.running?.abort();
    const running = (this.running = new AbortController());
    if (this.panel.timeFrom) span = resolve({ from: `now-${this.panel.timeFrom}`, to: "now" });
    this.title.textContent = interpolate(this.panel.title ?? "", scope);
    this.element.classList.toggle("untitled", !this.panel.title);
    this.element.classList.add("loading");
    let failures: string[] = [],
      reasons: string[] = [],
      frames: Awaited<ReturnType<typeof query>>["frames"] = [];
    try {
      const asked = this.queries(span, scope);
      reasons = asked.reasons;
      const answers = await Promise.all([
        asked.queries.length > 0 ? query(asked.queries, span.from, span.to, running.signal) : nothing,
        asked.logs.length > 0 ? queryLogs(asked.logs, span.from, span.to, running.signal) : nothing,
      ]);
      frames = answers.flatMap((a) => a.frames);
      failures = answers
        .flatMap((a) => a.errors)
        .map((e) => (asked.queries.length + asked.logs.length > 1 ? `${e.refId}: ${e.message}` : e.message));
    } catch (e) {
      if (running.signal.aborted) return;
      failures = [(e as Error).message];
    }
    if (running.signal.aborted) return;
    this.element.classList.remove("loading");
    try {
      this.draw(frames, { failures, reasons }, span, scope);
    } catch (e) {
      // One panel that nobody thought of must not take the others with it.
      console.error(e);
      this.state("failed");
      this.say(
        h("div", { class: "empty bad", role: "alert" }, icon("warn"), h("p", null, `This panel cannot be drawn: ${(e as Error).message}`)),
      );
    }
  }

  /** state is what the panel shows: data, none, a reason that lies in what it asks for,
   * or a failure. */
  private state(is: "data" | "empty" | "named" | "failed"): void {
    this.element.dataset.state = is;
  }

  private draw(raw: Parameters<typeof decode>[0], said: Said, span: Span, scope: Scope): void {
    const { targets = [], transformations = [], type } = this.panel;
    this.note(said);
    const decoded = decode(raw, targets.filter((t) => t.format === "table" && !t.hide).length);
    const frames = settle(transform(decoded, transformations), this.panel, scope);
    const empty = !frames.some((f) => f.fields.some((x) => x.values.length > 0));
    this.state(
      said.failures.length > 0
        ? "failed"
        : !known(type) || (empty && said.reasons.length > 0)
          ? "named"
          : charted(type) && empty
            ? "empty"
            : "data",
    );
    const why = said.failures.length > 0 ? said.failures : said.reasons;
    if (charted(type) && empty && why.length > 0) {
      const bad = said.failures.length > 0;
      this.say(
        h(
          "div",
          { class: bad ? "empty bad" : "empty", role: bad ? "alert" : "status" },
          icon(bad ? "warn" : "info"),
          why.map((p) => h("p", null, p)),
        ),
      );
      return;
    }
    if (empty && charted(type) && !["stat", "gauge", "bargauge"].includes(type)) {
      this.say(
        h(
          "div",
          { class: "empty" },
          targets.some((t) => t.expr || t.expression || t.metricName)
            ? (this.panel.fieldConfig?.defaults.noValue ?? "No data")
            : "No query yet",
        ),
      );
      return;
    }
    const drawing: Drawing = { host: this.host, panel: this.panel, frames, span, scope, sync: this.around.sync, zoom: this.around.zoom };
    if (this.drawn.update?.(drawing)) return;
    this.drawn.destroy();
    this.drawn = drawPanel(drawing);
  }

  /** say shows words instead of a drawing. */
  private say(what: HTMLElement): void {
    this.drawn.destroy();
    this.drawn = still;
    this.host.className = "content";
    this.host.replaceChildren(what);
  }

  private note({ failures, reasons }: Said): void {
    const left = unknownSteps(this.panel);
    const mark = (name: "info" | "warn", text: string) =>
      h("span", { class: name === "warn" ? "note bad" : "note", tabindex: "0", title: text, "aria-label": text }, icon(name));
    this.notes.replaceChildren(
      ...[
        this.panel.description && mark("info", this.panel.description),
        left.length > 0 && mark("info", `Not applied here: the transformation ${left.join(", ")}`),
        reasons.length > 0 && mark("info", reasons.join("\n")),
        failures.length > 0 && mark("warn", failures.join("\n")),
      ].filter((n): n is HTMLElement => n instanceof HTMLElement),
    );
  }

  /** queries are those of the panel that can be asked, and why others cannot. */
  private queries(span: Span, scope: Scope): { queries: Query[]; logs: LogQuery[]; reasons: string[] } {
    const fill = (text: string) => interpolate(text, scope),
      points = this.panel.maxDataPoints ?? Math.max(this.host.clientWidth || 600, 100),
      queries: Query[] = [],
      logs: LogQuery[] = [],
      reasons = new Set<string>();
    for (const t of charted(this.panel.type) ? (this.panel.targets ?? []) : []) {
      if (t.hide) continue;
      const mixed = (r: typeof t.datasource) => (r && (typeof r === "string" ? r : r.uid) === "-- Mixed --" ? null : r);
      const ref = mixed(t.datasource) ?? mixed(this.panel.datasource),
        source = sourceOf(this.around.app, ref, fill);
      if (source?.type === "cloudwatch") {
        const q = metricQuery(t, source, fill, { maxDataPoints: points, intervalMs: interval(span, points, 60_000) });
        if (!isLogs(t)) queries.push(q);
        else if (q.logGroupNames.every((name) => name === "")) reasons.add("No log group is chosen.");
        else logs.push(q);
        continue;
      }
      if (!source || !isPrometheus(source)) {
        reasons.add(source ? `Queries of data sources of the type ${source.type} are not run here.` : notThere(ref, fill));
        continue;
      }
      if (!t.expr?.trim()) continue;
      const least =
        duration(fill(t.interval || this.panel.interval || "")) || duration(source.jsonData.timeInterval ?? "") || leastInterval;
      queries.push({
        refId: t.refId,
        datasource: { uid: source.uid, type: source.type },
        expr: interpolate(t.expr, scope, "promql"),
        instant: t.instant ?? false,
        range: t.range ?? !t.instant,
        format: t.format ?? "time_series",
        legendFormat: interpolate(t.legendFormat ?? "__auto", scope) || "__auto",
        interval: durationOf(least),
        intervalMs: interval(span, points, least),
        maxDataPoints: points,
      });
    }
    return { queries, logs, reasons: [...reasons] };
  }

  destroy(): void {
    this.running?.abort();
    this.drawn.destroy();
    this.drawn = still;
  }
}

/** notThere says what to do about a data source that a panel names and nobody has. */
function notThere(ref: SourceRef | string | null | undefined, fill: (text: string) => string): string {
  const named = fill(typeof ref === "string" ? ref : (ref?.uid ?? ref?.type ?? ""));
  if (named === "") return "There is no data source. An admin adds one.";
  if (named.startsWith("-- ")) return `Queries of Grafana's own data source “${named}” are not run here.`;
  return `The data source “${named}” does not exist. Import the dashboard to choose one that stands for it (Dashboards, Import).`;
}

const durationOf = (ms: number) => (ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`);
