// The transformations that dashboards use most. Others are left out, and the
// panel says so.

import { pattern, reduce, type Field, type Frame } from "../frames";
import type { Panel } from "../model";
import { calculateField, groupBy } from "./calculate";
import { column } from "./column";
import { joinByField, labelsToFields, merge } from "./join";

type Step = NonNullable<Panel["transformations"]>[number];

const known: Record<string, (frames: Frame[], options: any) => Frame[]> = {
  merge: (frames) => merge(frames),
  joinByField,
  seriesToColumns: joinByField, // its older name
  labelsToFields,
  groupBy,
  calculateField,
  organize,
  sortBy,
  renameByRegex,
  reduce: reduceRows,
  filterFieldsByName: (frames, o) =>
    frames.map((f) => ({
      ...f,
      fields: f.fields.filter(
        (x) => o.include?.names?.includes(x.label) || (o.include?.pattern && pattern(o.include.pattern)?.test(x.label)),
      ),
    })),
};

/** unknownSteps are those of a panel that are left out. */
export function unknownSteps(panel: Panel): string[] {
  return (panel.transformations ?? []).filter((t) => !t.disabled && !known[t.id]).map((t) => t.id);
}

export function transform(frames: Frame[], steps: Step[]): Frame[] {
  return steps.reduce((f, step) => (step.disabled || !known[step.id] ? f : known[step.id](f, step.options ?? {})), frames);
}

function organize(
  frames: Frame[],
  o: { excludeByName?: Record<string, boolean>; renameByName?: Record<string, string>; indexByName?: Record<string, number> },
): Frame[] {
  return frames.map((frame) => {
    const place = (f: Field) => o.indexByName?.[f.label] ?? 1e6;
    const fields = frame.fields.filter((f) => !o.excludeByName?.[f.label]).sort((a, b) => place(a) - place(b));
    return { ...frame, fields: fields.map((f) => ({ ...f, label: o.renameByName?.[f.label] || f.label })) };
  });
}

function sortBy(frames: Frame[], o: { sort?: { field: string; desc?: boolean }[] }): Frame[] {
  const by = o.sort?.[0];
  return frames.map((frame) => {
    const key = frame.fields.find((f) => f.label === by?.field);
    if (!key) return frame;
    const order = key.values
      .map((_, i) => i)
      .sort((a, b) => (key.values[a] < key.values[b] ? -1 : key.values[a] > key.values[b] ? 1 : 0) * (by!.desc ? -1 : 1));
    return { ...frame, fields: frame.fields.map((f) => ({ ...f, values: order.map((i) => f.values[i]) })) };
  });
}

function renameByRegex(frames: Frame[], o: { regex: string; renamePattern: string }): Frame[] {
  let wanted: RegExp;
  try {
    wanted = new RegExp(o.regex);
  } catch {
    return frames;
  }
  return frames.map((frame) => ({
    ...frame,
    fields: frame.fields.map((f) => ({ ...f, label: f.label.replace(wanted, o.renamePattern) })),
  }));
}

function reduceRows(frames: Frame[], o: { reducers?: string[] }): Frame[] {
  const fields = frames.flatMap((f) => f.fields).filter((f) => f.type === "number");
  const names = fields.map((f) => f.label);
  const reduced = (o.reducers ?? ["lastNotNull"]).map((r) =>
    column(
      r,
      "number",
      fields.map((f) => reduce(f.values, r)),
    ),
  );
  return [{ refId: "A", fields: [column("Field", "string", names), ...reduced] }];
}
