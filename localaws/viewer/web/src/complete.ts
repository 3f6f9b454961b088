// Completion of PromQL: metric names, labels, their values, and functions.

import { resource } from "./api";
import { h } from "./dom";

const functions = [
  "abs",
  "absent",
  "avg",
  "avg_over_time",
  "bottomk",
  "by",
  "ceil",
  "changes",
  "clamp",
  "clamp_max",
  "clamp_min",
  "count",
  "count_over_time",
  "count_values",
  "delta",
  "deriv",
  "floor",
  "group_left",
  "group_right",
  "histogram_quantile",
  "ignoring",
  "increase",
  "irate",
  "label_join",
  "label_replace",
  "last_over_time",
  "max",
  "max_over_time",
  "min",
  "min_over_time",
  "offset",
  "on",
  "or",
  "predict_linear",
  "quantile",
  "quantile_over_time",
  "rate",
  "resets",
  "round",
  "scalar",
  "sort",
  "sort_desc",
  "sqrt",
  "stddev",
  "sum",
  "sum_over_time",
  "time",
  "timestamp",
  "topk",
  "unless",
  "vector",
  "without",
];

/** Wanted is what could stand where the text ends. */
export type Wanted =
  | { kind: "name"; typed: string }
  | { kind: "label"; metric: string; typed: string }
  | { kind: "value"; metric: string; label: string; typed: string }
  | null;

/** wanted reads the text before the cursor. */
export function wanted(before: string): Wanted {
  let open = -1,
    quoted = false,
    afterBy = false;
  for (let i = 0; i < before.length; i++) {
    const c = before[i];
    if (c === '"' && before[i - 1] !== "\\") quoted = !quoted;
    else if (quoted) continue;
    else if (c === "{") {
      open = i;
      afterBy = false;
    } else if (c === "(" && /\b(by|without|on|ignoring|group_left|group_right)\s*$/.test(before.slice(0, i))) {
      open = i;
      afterBy = true;
    } else if (c === "}" || c === ")") open = -1;
  }
  const typed = /[\w:]*$/.exec(before)![0];
  if (open < 0) return quoted || /^\d/.test(typed) || /\[[^\]]*$/.test(before) ? null : { kind: "name", typed };
  if (afterBy) return { kind: "label", metric: "", typed };
  const metric = /([\w:]*)\s*$/.exec(before.slice(0, open))![1],
    inside = before.slice(open + 1);
  const value = /(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)$/.exec(inside);
  if (quoted && value) return { kind: "value", metric, label: value[1], typed: value[2] };
  return quoted ? null : { kind: "label", metric, typed };
}

const kept = new Map<string, Promise<string[]>>(); // answers, for as long as the page is open

function names(uid: string, path: string, metric = ""): Promise<string[]> {
  const key = `${uid} ${path} ${metric}`;
  const found = kept.get(key) ?? resource<string[]>(uid, path, metric ? [["match[]", metric]] : []);
  kept.set(key, found);
  found.catch(() => kept.delete(key));
  return found;
}

async function candidates(w: NonNullable<Wanted>, uid: string): Promise<string[]> {
  switch (w.kind) {
    case "name":
      return [...(await names(uid, "label/__name__/values")), ...functions];
    case "label":
      return (await names(uid, "labels", w.metric)).filter((l) => l !== "__name__");
    case "value":
      return names(uid, `label/${w.label}/values`, w.metric);
  }
}

const most = 10;

/** completed gives a text area completion; run is called with Shift+Enter. */
export function completed(area: HTMLTextAreaElement, source: () => string, run: () => void): HTMLElement {
  const list = h("div", { class: "suggestions", role: "listbox", hidden: true }),
    around = h("div", { class: "completed" }, area, list);
  let found: string[] = [],
    chosen = -1,
    asked = 0,
    now: Wanted = null;
  const hide = () => {
    list.hidden = true;
    chosen = -1;
  };
  const draw = () => {
    list.replaceChildren(
      ...found.map((f, i) =>
        h(
          "div",
          {
            role: "option",
            "aria-selected": String(i === chosen),
            onpointerdown: (e: Event) => {
              e.preventDefault();
              take(i);
            },
          },
          f,
        ),
      ),
    );
    list.hidden = found.length === 0;
  };
  const take = (i: number) => {
    const end = area.selectionStart,
      start = end - now!.typed.length;
    area.setRangeText(found[i], start, end, "end");
    hide();
    grow(area);
  };
  const look = async () => {
    grow(area);
    const mine = ++asked;
    now = wanted(area.value.slice(0, area.selectionStart));
    if (!now || (now.kind === "name" && now.typed.length < 1)) {
      hide();
      return;
    }
    const all = await candidates(now, source()).catch(() => []); // completion is a courtesy
    if (mine !== asked) return;
    const typed = now.typed.toLowerCase();
    const hits = all.filter((c) => c.toLowerCase().includes(typed) && c !== now!.typed);
    hits.sort((a, b) => Number(b.toLowerCase().startsWith(typed)) - Number(a.toLowerCase().startsWith(typed)));
    found = hits.slice(0, most);
    chosen = -1;
    draw();
  };
  area.addEventListener("input", () => void look());
  area.addEventListener("blur", hide);
  area.addEventListener("keydown", (e) => {
    if (e.key === "Enter" && (e.shiftKey || e.ctrlKey || e.metaKey)) {
      e.preventDefault();
      hide();
      run();
      return;
    }
    if (list.hidden) {
      if (e.key === "Enter") {
        e.preventDefault();
        run();
      }
      return;
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
    if (step) {
      e.preventDefault();
      chosen = (chosen + step + found.length) % found.length;
      draw();
    } else if (e.key === "Tab" && found.length > 0) {
      e.preventDefault();
      take(Math.max(chosen, 0));
    } else if (e.key === "Enter") {
      e.preventDefault();
      if (chosen >= 0) take(chosen);
      else {
        hide();
        run();
      }
    } else if (e.key === "Escape") {
      e.stopPropagation();
      hide();
    }
  });
  queueMicrotask(() => grow(area));
  return around;
}

/** grow makes the area as high as its text. */
function grow(area: HTMLTextAreaElement): void {
  area.style.height = "auto";
  if (area.scrollHeight > 0) area.style.height = `${Math.min(area.scrollHeight + 2, 240)}px`;
}
