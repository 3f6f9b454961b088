// Transformations that make one table of several frames.

import type { Field, Frame } from "../frames";
import { column, rowsOf } from "./column";

/** merge makes one table. Rows become one that are equal in the columns that all
 * frames have, and do not differ in another. */
export function merge(frames: Frame[]): Frame[] {
  const all = frames.filter((f) => f.fields.length > 0);
  if (all.length < 2) return frames;
  const columns = new Map<string, Field>();
  for (const f of all.flatMap((frame) => frame.fields)) if (!columns.has(f.label)) columns.set(f.label, { ...f, values: [] });
  const keys = [...columns.keys()].filter((name) => all.every((frame) => frame.fields.some((f) => f.label === name)));
  const rows: Record<string, unknown>[] = [],
    byKey = new Map<string, Record<string, unknown>[]>();
  for (const frame of all)
    for (let i = 0; i < rowsOf(frame.fields); i++) {
      const row = Object.fromEntries(frame.fields.map((f) => [f.label, f.values[i]])),
        key = JSON.stringify(keys.map((k) => row[k]));
      const alike = byKey.get(key) ?? [];
      const same = keys.length > 0 ? alike.find((r) => Object.keys(row).every((k) => !(k in r) || r[k] === row[k])) : undefined;
      if (same) Object.assign(same, row);
      else {
        rows.push(row);
        byKey.set(key, [...alike, row]);
      }
    }
  for (const row of rows) for (const [name, f] of columns) f.values.push(row[name] ?? null);
  return [{ refId: all[0].refId, fields: [...columns.values()] }];
}

/** joinByField makes one table with a row for each value of the field, the time where
 * none is named. Inner keeps the rows that all frames have. */
export function joinByField(frames: Frame[], o: { byField?: string; mode?: string }): Frame[] {
  const key = (frame: Frame) => frame.fields.find((f) => (o.byField ? f.label === o.byField || f.name === o.byField : f.type === "time"));
  const all = frames.filter(key);
  if (all.length === 0) return frames;
  const places = all.map((frame) => {
    const rows = new Map<unknown, number[]>();
    key(frame)!.values.forEach((v, i) => rows.set(v, [...(rows.get(v) ?? []), i]));
    return rows;
  });
  let values = [...new Set(places.flatMap((p) => [...p.keys()]))];
  if (o.mode === "inner") values = values.filter((v) => places.every((p) => p.has(v)));
  if (key(all[0])!.type !== "string") values.sort((a, b) => Number(a) - Number(b));
  // A value that a frame has in several rows stands in several rows.
  const lines = values.flatMap((v) =>
    Array.from({ length: Math.max(...places.map((p) => p.get(v)?.length ?? 0)) }, (_, nth) => ({ v, nth })),
  );
  const joined: Field[] = [
    {
      ...key(all[0])!,
      values: lines.map((l) => l.v),
    },
  ];
  all.forEach((frame, i) => {
    for (const f of frame.fields) {
      if (f === key(frame)) continue;
      const at = ({ v, nth }: (typeof lines)[number]) => {
        const found = places[i].get(v);
        return found ? f.values[found[Math.min(nth, found.length - 1)]] : null;
      };
      joined.push({ ...f, values: lines.map(at) });
    }
  });
  return [{ refId: all[0].refId, fields: toldApart(joined) }];
}

/** toldApart numbers columns of one name, from the second on. */
function toldApart(fields: Field[]): Field[] {
  const met = new Map<string, number>();
  return fields.map((f) => {
    const n = (met.get(f.label) ?? 0) + 1;
    met.set(f.label, n);
    return n === 1 ? f : { ...f, label: `${f.label} ${n}` };
  });
}

/** labelsToFields makes columns, or rows, of the labels of series, and one table of
 * the series. */
export function labelsToFields(frames: Frame[], o: { mode?: string; keepLabels?: string[] | null; valueLabel?: string }): Frame[] {
  const kept = (name: string) => !o.keepLabels?.length || o.keepLabels.includes(name);
  const names = (f: Field) => Object.keys(f.labels).filter(kept);
  if (o.mode === "rows")
    return frames.flatMap((frame) =>
      frame.fields
        .filter((f) => Object.keys(f.labels).length > 0)
        .map((f) => ({
          refId: frame.refId,
          fields: [
            column("label", "string", names(f)),
            column(
              "value",
              "string",
              names(f).map((n) => f.labels[n]),
            ),
          ],
        })),
    );
  return merge(
    frames.map((frame) => {
      const fields: Field[] = [],
        labels = new Map<string, string>();
      for (const f of frame.fields) {
        const named = (o.valueLabel && f.labels[o.valueLabel]) || f.name;
        fields.push(Object.keys(f.labels).length > 0 ? { ...f, name: named, label: named, labels: {} } : f);
        for (const n of names(f)) if (n !== o.valueLabel) labels.set(n, f.labels[n]);
      }
      const length = rowsOf(frame.fields);
      return { refId: frame.refId, fields: [...fields, ...[...labels].map(([n, v]) => column(n, "string", new Array(length).fill(v)))] };
    }),
  );
}
