// The time a page is about: the range, how often it is loaded again, and zooming out.

import { arrows, h, icon, popup, toast } from "./dom";
import { parameters, setParameters } from "./app";
import { at, describe, isRange, quickRanges, refreshIntervals, resolve, stamp, duration, type Range, type Span } from "./time";

export class TimeBar {
  readonly element = h("div", { class: "timebar" });
  range!: Range;
  refresh: string;
  private timer = 0;
  private readonly picker = h("button", { class: "picker", "aria-haspopup": "dialog", onclick: () => this.open() });
  private readonly every = h("select", {
    "aria-label": "Load again every",
    title: "Load again every",
    onchange: () => this.setRefresh(this.every.value),
  });

  /** changed is called when the range did, or when it is time to load again. */
  constructor(
    private readonly standard: Range,
    refresh: string,
    private readonly changed: () => void,
  ) {
    this.follow();
    this.refresh = this.refreshOr(duration(refresh) > 0 ? refresh : "");
    const intervals = refreshIntervals.includes(this.refresh) ? refreshIntervals : [...refreshIntervals, this.refresh];
    this.every.append(...intervals.map((i) => h("option", { value: i, selected: i === this.refresh }, i || "Off")));
    this.element.append(
      this.picker,
      h("button", { class: "square", title: "Zoom out", "aria-label": "Zoom out", onclick: () => this.zoomOut() }, icon("zoomout")),
      h(
        "div",
        { class: "joined" },
        h("button", { class: "square", title: "Load again", "aria-label": "Load again", onclick: () => this.changed() }, icon("refresh")),
        this.every,
      ),
    );
    this.schedule();
  }

  /** follow takes the range that the address has by now; the standard one where
   * that is none, which it says. */
  follow(): void {
    const p = parameters();
    this.range = { from: p.get("from") ?? this.standard.from, to: p.get("to") ?? this.standard.to };
    if (!isRange(this.range) && (p.has("from") || p.has("to"))) {
      toast(`The address asks for ${describe(this.range)}, which is no time. This is ${describe(this.standard)}.`, true);
      setParameters({ from: undefined, to: undefined }, true);
      this.range = this.standard;
    }
    this.label();
  }

  /** refreshOr is how often the address wants to load again, standard where it does
   * not say or says nothing of sense. */
  private refreshOr(standard: string): string {
    const wanted = parameters().get("refresh") ?? standard;
    if (wanted === "" || duration(wanted) > 0) return wanted;
    toast(
      `The address wants to load again every “${wanted}”, which is no length of time. This page does it ${standard ? "every " + standard : "when you ask"}.`,
      true,
    );
    setParameters({ refresh: undefined }, true);
    return standard;
  }

  span(): Span {
    return resolve(this.range);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  set(range: Range): void {
    this.range = range;
    setParameters({ from: range.from, to: range.to });
    this.label();
    this.changed();
  }

  /** zoom shows a part of the time, in milliseconds. */
  zoom(from: number, to: number): void {
    this.set({ from: String(Math.round(from)), to: String(Math.round(to)) });
  }

  private zoomOut(): void {
    const { from, to } = this.span(),
      half = (to - from) / 2;
    this.zoom(from - half, Math.min(to + half, Math.max(Date.now(), to)));
  }

  private setRefresh(every: string): void {
    this.refresh = every;
    setParameters({ refresh: every || undefined }, true);
    this.schedule();
  }

  private schedule(): void {
    clearInterval(this.timer);
    const every = duration(this.refresh);
    if (every > 0)
      this.timer = window.setInterval(
        () => {
          if (!document.hidden) this.changed();
        },
        Math.max(every, 1000),
      );
  }

  private label(): void {
    this.picker.replaceChildren(icon("clock"), h("span", null, describe(this.range)), icon("down"));
  }

  private open(): void {
    const { from, to } = this.span(),
      absolute = /^\d+$/.test(this.range.from);
    const input = (label: string, value: string) => h("input", { "aria-label": label, value, spellcheck: "false" });
    const first = input("From", absolute ? stamp(from) : this.range.from),
      last = input("To", absolute ? stamp(to) : this.range.to);
    const problem = h("p", { class: "bad", role: "alert" });
    const apply = (e: Event) => {
      e.preventDefault();
      const a = at(first.value, Date.now()),
        b = at(last.value, Date.now(), true);
      if (a === undefined || b === undefined)
        problem.textContent = "Enter a date such as 2026-01-31 12:00:00, or a relative time such as now-6h.";
      else if (b <= a) problem.textContent = "The end of the time range must be after its beginning.";
      else {
        close();
        this.set({
          from: first.value.startsWith("now") ? first.value : String(a),
          to: last.value.startsWith("now") ? last.value : String(b),
        });
      }
    };
    const list = h(
      "div",
      { class: "quick" },
      quickRanges.map(([from, label]) =>
        h(
          "button",
          {
            class: from === this.range.from && this.range.to === "now" ? "chosen" : "",
            onclick: () => {
              close();
              this.set({ from, to: "now" });
            },
          },
          label,
        ),
      ),
    );
    arrows(list);
    const close = popup(
      this.picker,
      h(
        "div",
        { class: "timepicker", role: "dialog", "aria-label": "Time range" },
        h(
          "form",
          { onsubmit: apply },
          h("label", null, "From", first),
          h("label", null, "To", last),
          problem,
          h("button", { class: "primary" }, "Apply"),
        ),
        list,
      ),
      "right",
    );
    (list.querySelector<HTMLElement>(".chosen") ?? first).focus();
  }
}
