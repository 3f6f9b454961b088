// The kinds of panels that there are.

import { h, icon } from "../dom";
import { still, type Draw, type Drawing, type Drawn } from "./drawing";
import { logs } from "./logs";
import { statushistory } from "./statushistory";
import { table } from "./table";
import { tabled } from "./tabled";
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
  "status-history": { title: "Status history", draw: statushistory },
  logs: { title: "Logs", draw: logs },
  text: { title: "Text", draw: text },
};

/** others are kinds that Grafana has and whose data is shown as a table here. */
const others: Record<string, string> = {
  barchart: "Bar chart",
  candlestick: "Candlestick",
  heatmap: "Heat map",
  histogram: "Histogram",
  piechart: "Pie chart",
  "state-timeline": "State timeline",
  trend: "Trend",
  xychart: "XY chart",
};

const drawOf = (type: string): Draw | undefined => kinds[type]?.draw ?? (others[type] ? tabled(others[type]) : undefined);

/** charted reports whether panels of a type show data. */
export const charted = (type: string) => type !== "text" && drawOf(type) !== undefined;

/** known reports whether panels of a type are shown. */
export const known = (type: string) => drawOf(type) !== undefined;

/** drawPanel draws a panel of any kind; for one it does not know it says so. */
export function drawPanel(d: Drawing): Drawn {
  const draw = drawOf(d.panel.type);
  d.host.className = `content kind-${kinds[d.panel.type] ? d.panel.type : draw ? "tabled" : "unknown"}`;
  if (draw) return draw(d);
  d.host.replaceChildren(
    h(
      "div",
      { class: "empty" },
      icon("info"),
      h("p", null, "Panels of the type ", h("b", null, d.panel.type), " are not drawn here."),
      h("p", { class: "dim" }, "Amazon Managed Grafana displays this panel type; the panel is kept unchanged."),
    ),
  );
  return still;
}
