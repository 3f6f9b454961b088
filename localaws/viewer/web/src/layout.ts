// Where panels stand: rows that open and close, and panels that repeat.

import type { Scope } from "./interpolate";
import type { GridPos, Panel } from "./model";
import type { Variables } from "./variables";

export interface Placed {
  panel: Panel;
  place: GridPos;
  own: Scope;
}
export interface Section {
  row: Panel | null;
  panels: Placed[];
  open: boolean;
  top: number;
  height: number;
}

const columns = 24,
  rowHeight = 1;

/** sections are the rows of a dashboard with what belongs to each, laid out one
 * below the other; closed tells which of the rows are closed. */
export function sections(panels: Panel[], closed: (row: Panel) => boolean, variables: Variables): Section[] {
  const all: Section[] = [{ row: null, panels: [], open: true, top: 0, height: 0 }];
  const place = (section: Section, panel: Panel) => section.panels.push(...repeated(panel, variables));
  for (const panel of [...panels].sort((a, b) => a.gridPos.y - b.gridPos.y || a.gridPos.x - b.gridPos.x)) {
    if (panel.type !== "row") {
      place(all.at(-1)!, panel);
      continue;
    }
    const section: Section = { row: panel, panels: [], open: !closed(panel), top: 0, height: 0 };
    for (const inside of panel.panels ?? []) place(section, inside);
    all.push(section);
  }
  let top = 0;
  for (const section of all) {
    section.top = top;
    if (section.row) top += rowHeight;
    if (!section.open || section.panels.length === 0) continue;
    const first = Math.min(...section.panels.map((p) => p.place.y));
    for (const p of section.panels) p.place = { ...p.place, y: p.place.y - first + top };
    moveApart(section.panels);
    section.height = Math.max(...section.panels.map((p) => p.place.y + p.place.h)) - top;
    top += section.height;
  }
  return all;
}

/** moveApart moves panels down that stand on others, as Grafana does. */
function moveApart(panels: Placed[]): void {
  const settled: GridPos[] = [];
  for (const p of [...panels].sort((a, b) => a.place.y - b.place.y || a.place.x - b.place.x)) {
    const under = () => settled.find((o) => overlap(o, p.place));
    for (let o = under(); o; o = under()) p.place = { ...p.place, y: o.y + o.h };
    settled.push(p.place);
  }
}

const overlap = (a: GridPos, b: GridPos) => a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;

/** repeated is a panel once for each value of the variable that it repeats for. */
function repeated(panel: Panel, variables: Variables): Placed[] {
  const variable = panel.repeat ? variables.list.find((v) => v.name === panel.repeat) : undefined;
  const values = variable?.values() ?? [];
  if (!variable || values.length === 0) return [{ panel, place: panel.gridPos, own: {} }];
  const across = panel.repeatDirection !== "v",
    inRow = Math.min(values.length, panel.maxPerRow ?? 4),
    width = Math.floor(columns / inRow);
  return values.map((value, i) => {
    const { y, h } = panel.gridPos;
    const place = across ? { x: (i % inRow) * width, y: y + Math.floor(i / inRow) * h, w: width, h } : { ...panel.gridPos, y: y + i * h };
    return { panel, place, own: { [variable.name]: { value, text: value, multi: false } } };
  });
}
