// The kinds of panels that there are.

import { h, icon } from "../dom";
import { still, type Draw, type Drawing, type Drawn } from "./drawing";
import { table } from "./table";
import { text } from "./text";
import { timeseries } from "./timeseries";
import { bargauge, gauge, stat } from "./values";

export const kinds: Record<string, { title: string; draw: Draw }> = {
  timeseries: { title: "Time series", draw: timeseries },
  graph: { title: "Graph (old)", draw: timeseries },
  stat: { title: "Stat", draw: stat },
  gauge: { title: "Gauge", draw: gauge },
  bargauge: { title: "Bar gauge", draw: bargauge },
  table: { title: "Table", draw: table },
  text: { title: "Text", draw: text },
};

/** drawPanel draws a panel of any kind; for one it does not know it says so. */
export function drawPanel(d: Drawing): Drawn {
  const kind = kinds[d.panel.type];
  d.host.className = `content kind-${kind ? d.panel.type : "unknown"}`;
  if (kind) return kind.draw(d);
  d.host.replaceChildren(
    h(
      "div",
      { class: "empty" },
      icon("info"),
      h("p", null, "Panels of the type ", h("b", null, d.panel.type), " are not drawn here."),
      h("p", { class: "dim" }, "Amazon Managed Grafana draws it; it is kept as it is."),
    ),
  );
  return still;
}
