// Panels whose own drawing there is not: their data as a table, with a note.

import { h, icon } from "../dom";
import type { Frame } from "../frames";
import type { Drawing, Drawn } from "./drawing";
import { joinByField } from "./join";
import { table } from "./table";

/** tabled shows the data of a panel of another kind, the newest first. */
export const tabled =
  (kind: string) =>
  (d: Drawing): Drawn => {
    const note = h(
      "p",
      { class: "drawnas dim" },
      icon("info"),
      `${kind}: its data as a table, the newest first. Amazon Managed Grafana draws it.`,
    );
    const body = h("div", { class: "content kind-table" });
    d.host.replaceChildren(note, body);
    return table({ ...d, host: body, frames: newestFirst(d.frames) });
  };

/** newestFirst makes one table of series, in the opposite order of their times. */
export function newestFirst(frames: Frame[]): Frame[] {
  const series = frames.length > 0 && frames.every((f) => f.fields.some((x) => x.type === "time"));
  return (series ? joinByField(frames, {}) : frames).map((f) => ({
    ...f,
    fields: f.fields.map((x) => (series ? { ...x, values: [...x.values].reverse() } : x)),
  }));
}
