// The logs panel: the lines of a log with their times, the newest first unless the panel
// says otherwise.

import { h } from "../dom";
import type { Frame } from "../frames";
import { stamp } from "../time";
import type { Drawing, Drawn } from "./drawing";

const most = 1000; // lines that are drawn

/** Line is a line of a log. */
export interface Line {
  at: number; // milliseconds
  from: string; // the stream
  text: string;
}

/** linesOf are the lines of frames: by their first time and the field of the message. */
export function linesOf(frames: Frame[]): Line[] {
  return frames.flatMap((f) => {
    const time = f.fields.find((x) => x.type === "time"),
      named = (...names: string[]) => f.fields.find((x) => x.type === "string" && names.includes(x.name)),
      message = named("@message", "Line", "line", "message", "body") ?? f.fields.find((x) => x.type === "string"),
      stream = named("@logStream", "__logstream__grafana_internal__");
    return (message?.values ?? []).map((text, i) => ({
      at: Number(time?.values[i] ?? 0),
      from: String(stream?.values[i] ?? ""),
      text: String(text ?? ""),
    }));
  });
}

/** levelOf is how bad a line says it is. */
export function levelOf(text: string): "bad" | "warn" | "" {
  const found = /\b(emerg|fatal|crit(?:ical)?|err(?:or)?|warn(?:ing)?)\b/i.exec(text)?.[1].toLowerCase();
  return !found ? "" : found.startsWith("warn") ? "warn" : "bad";
}

export function logs(d: Drawing): Drawn {
  const { showTime = true, wrapLogMessage = true, sortOrder = "Descending" } = d.panel.options ?? {};
  const ascending = sortOrder === "Ascending";
  const all = linesOf(d.frames).sort((a, b) => (ascending ? a.at - b.at : b.at - a.at));
  d.host.replaceChildren(
    h(
      "ol",
      { class: wrapLogMessage ? "loglines" : "loglines unwrapped", tabindex: "0", "aria-label": "Lines of the log" },
      all
        .slice(0, most)
        .map((l) =>
          h(
            "li",
            { class: levelOf(l.text), title: l.from },
            showTime && h("time", null, stamp(l.at)),
            l.from !== "" && h("span", { class: "from" }, l.from),
            h("span", { class: "text" }, l.text),
          ),
        ),
      all.length > most && h("li", { class: "dim" }, `and ${all.length - most} more`),
    ),
  );
  return { destroy: () => d.host.replaceChildren() };
}
