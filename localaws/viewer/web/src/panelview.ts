// One panel on a page: its frame, its queries, and what is drawn in it.

import { query, type Query } from "./api";
import { isPrometheus, sourceOf, type App } from "./app";
import { h, icon, menu } from "./dom";
import { decode, settle } from "./frames";
import { interpolate, type Scope } from "./interpolate";
import type { Panel } from "./model";
import { still, type Drawing } from "./panels/drawing";
import { kinds, drawPanel } from "./panels/panels";
import { transform, unknownSteps } from "./panels/transform";
import { duration, interval, resolve, type Span } from "./time";

export interface Around {
  app: App;
  sync: string;
  zoom: (from: number, to: number) => void;
  /** actions are those of the panel's menu. */
  actions: (panel: Panel) => { label: string; run: () => void; danger?: boolean }[];
}

const leastInterval = 15_000; // milliseconds: Grafana's, when a data source names none

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
    let problems: string[] = [],
      frames: Awaited<ReturnType<typeof query>>["frames"] = [];
    try {
      const queries = this.queries(span, scope);
      if (queries.length > 0) {
        const answer = await query(queries, span.from, span.to, running.signal);
        frames = answer.frames;
        problems = answer.errors.map((e) => (queries.length > 1 ? `${e.refId}: ${e.message}` : e.message));
      }
    } catch (e) {
      if (running.signal.aborted) return;
      problems = [(e as Error).message];
    }
    if (running.signal.aborted) return;
    this.element.classList.remove("loading");
    try {
      this.draw(frames, problems, span, scope);
    } catch (e) {
      // One panel that nobody thought of must not take the others with it.
      console.error(e);
      this.say(
        h("div", { class: "empty bad", role: "alert" }, icon("warn"), h("p", null, `This panel cannot be drawn: ${(e as Error).message}`)),
      );
    }
  }

  private draw(raw: Parameters<typeof decode>[0], problems: string[], span: Span, scope: Scope): void {
    this.note(problems);
    const frames = settle(transform(decode(raw), this.panel.transformations ?? []), this.panel, scope);
    const charted = kinds[this.panel.type] && this.panel.type !== "text";
    const empty = !frames.some((f) => f.fields.some((x) => x.values.length > 0));
    if (charted && empty && problems.length > 0) {
      this.say(
        h(
          "div",
          { class: "empty bad", role: "alert" },
          icon("warn"),
          problems.map((p) => h("p", null, p)),
        ),
      );
      return;
    }
    if (empty && ["timeseries", "graph"].includes(this.panel.type)) {
      this.say(
        h(
          "div",
          { class: "empty" },
          this.panel.targets?.some((t) => t.expr) ? (this.panel.fieldConfig?.defaults.noValue ?? "No data") : "No query yet",
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

  private note(problems: string[]): void {
    const left = unknownSteps(this.panel);
    const mark = (name: "info" | "warn", text: string) =>
      h("span", { class: name === "warn" ? "note bad" : "note", tabindex: "0", title: text, "aria-label": text }, icon(name));
    this.notes.replaceChildren(
      ...[
        this.panel.description && mark("info", this.panel.description),
        left.length > 0 && mark("info", `Not applied here: the transformation ${left.join(", ")}`),
        problems.length > 0 && mark("warn", problems.join("\n")),
      ].filter((n): n is HTMLElement => n instanceof HTMLElement),
    );
  }

  private queries(span: Span, scope: Scope): Query[] {
    const fill = (text: string) => interpolate(text, scope),
      points = this.panel.maxDataPoints ?? Math.max(this.host.clientWidth || 600, 100);
    return (this.panel.targets ?? [])
      .filter((t) => !t.hide && t.expr?.trim())
      .map((t) => {
        const mixed = (r: typeof t.datasource) => (r && (typeof r === "string" ? r : r.uid) === "-- Mixed --" ? null : r);
        const ref = mixed(t.datasource) ?? mixed(this.panel.datasource),
          source = sourceOf(this.around.app, ref, fill);
        const named = fill(typeof ref === "string" ? ref : (ref?.uid ?? ""));
        if (!source && !named) throw new Error("There is no data source. An admin adds one.");
        if (!source) throw new Error(`The data source “${named}” does not exist.`);
        if (!isPrometheus(source)) throw new Error(`Queries of data sources of the type ${source.type} are not run here.`);
        const least =
          duration(fill(t.interval || this.panel.interval || "")) || duration(source.jsonData.timeInterval ?? "") || leastInterval;
        return {
          refId: t.refId,
          datasource: { uid: source.uid, type: source.type },
          expr: interpolate(t.expr!, scope, "promql"),
          instant: t.instant ?? false,
          range: t.range ?? !t.instant,
          format: t.format ?? "time_series",
          legendFormat: interpolate(t.legendFormat ?? "__auto", scope) || "__auto",
          interval: durationOf(least),
          intervalMs: interval(span, points, least),
          maxDataPoints: points,
        };
      });
  }

  destroy(): void {
    this.running?.abort();
    this.drawn.destroy();
    this.drawn = still;
  }
}

const durationOf = (ms: number) => (ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`);
