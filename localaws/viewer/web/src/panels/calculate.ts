// Transformations that compute values: by groups of rows, and from other columns.

import { reduce, type Field, type Frame } from "../frames";
import { column, rowsOf } from "./column";

interface Grouping {
  fields?: Record<string, { operation?: string | null; aggregations?: string[] }>;
}

/** groupBy makes one row of the rows that are equal in the columns to group by, with
 * the calculations of other columns named as Grafana does: "Value (max)". */
export function groupBy(frames: Frame[], o: Grouping): Frame[] {
  const how = (f: Field) => o.fields?.[f.label] ?? o.fields?.[f.name];
  if (!Object.values(o.fields ?? {}).some((f) => f?.operation === "groupby")) return frames;
  return frames.map((frame) => {
    const by = frame.fields.filter((f) => how(f)?.operation === "groupby"),
      groups = new Map<string, number[]>();
    for (let i = 0; i < rowsOf(frame.fields); i++) {
      const key = JSON.stringify(by.map((f) => f.values[i]));
      groups.set(key, [...(groups.get(key) ?? []), i]);
    }
    const rows = [...groups.values()],
      fields: Field[] = [];
    for (const f of frame.fields) {
      const { operation, aggregations = [] } = how(f) ?? {};
      if (operation === "groupby") fields.push({ ...f, values: rows.map((at) => f.values[at[0]]) });
      if (operation !== "aggregate") continue;
      for (const calc of aggregations) {
        const values = rows.map((at) =>
          calculated(
            at.map((i) => f.values[i]),
            calc,
          ),
        );
        const type = calc === "count" ? "number" : f.type;
        fields.push({ ...f, type, name: `${f.name} (${calc})`, label: `${f.label} (${calc})`, values });
      }
    }
    return { refId: frame.refId, fields };
  });
}

/** calculated is reduce for columns of any type: texts have a first, a last and a count. */
function calculated(values: any[], calc: string): any {
  const known = values.filter((v) => v !== null && v !== undefined);
  if (known.every((v) => typeof v === "number")) return reduce(values, calc);
  const picked: Record<string, unknown> = { first: values[0], last: values.at(-1), firstNotNull: known[0], lastNotNull: known.at(-1) };
  if (calc === "count") return values.length;
  if (calc === "distinctCount") return new Set(values).size;
  return picked[calc] ?? null;
}

interface Calculation {
  mode?: string;
  alias?: string;
  replaceFields?: boolean;
  reduce?: { reducer?: string; include?: string[] };
  binary?: { left?: Side; operator?: string; right?: Side };
  unary?: { operator?: string; fieldName?: string };
  index?: { asPercentile?: boolean };
  cumulative?: { field?: string; reducer?: string };
}

/** Side of a binary operation: a column's name or a number, in older and newer form. */
type Side = string | { matcher?: { options?: string }; fixed?: string | number };

const binary: Record<string, (a: number, b: number) => number> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
  "%": (a, b) => a % b,
  "**": (a, b) => a ** b,
  "=": (a, b) => Number(a === b),
  "!=": (a, b) => Number(a !== b),
  ">": (a, b) => Number(a > b),
  "<": (a, b) => Number(a < b),
  ">=": (a, b) => Number(a >= b),
  "<=": (a, b) => Number(a <= b),
};

const unary: Record<string, (v: number) => number> = {
  abs: Math.abs,
  exp: Math.exp,
  ln: Math.log,
  round: Math.round,
  floor: Math.floor,
  ceil: Math.ceil,
};

/** calculateField adds a column that is computed from others, in each frame. */
export function calculateField(frames: Frame[], o: Calculation): Frame[] {
  return frames.map((frame) => {
    const made = computed(frame.fields, o);
    if (!made) return frame;
    const field = column(o.alias || made.name, "number", made.values);
    const kept = o.replaceFields ? frame.fields.filter((f) => f.type === "time") : frame.fields;
    return { ...frame, fields: [...kept, field] };
  });
}

function computed(fields: Field[], o: Calculation): { name: string; values: (number | null)[] } | undefined {
  const rows = Array.from({ length: rowsOf(fields) }, (_, i) => i),
    find = (name?: string) => fields.find((f) => f.label === name || f.name === name);
  const each = (f: Field | undefined, make: (v: number) => number) => f && rows.map((i) => numeric(f.values[i], make));
  switch (o.mode ?? "reduceRow") {
    case "reduceRow": {
      const { reducer = "sum", include } = o.reduce ?? {};
      const from = fields.filter((f) => f.type === "number" && (!include?.length || include.includes(f.label)));
      const values = rows.map((i) =>
        reduce(
          from.map((f) => f.values[i]),
          reducer,
        ),
      );
      return { name: title(reducer), values };
    }
    case "binary": {
      const [a, b] = [side(o.binary?.left, find), side(o.binary?.right, find)],
        operate = binary[o.binary?.operator ?? "+"];
      if (!a || !b || !operate) return undefined;
      const values = rows.map((i) => numeric(a.at(i), (x) => numeric(b.at(i), (y) => operate(x, y))));
      return { name: `${a.name} ${o.binary?.operator ?? "+"} ${b.name}`, values };
    }
    case "unary": {
      const values = each(find(o.unary?.fieldName), unary[o.unary?.operator ?? "abs"] ?? Math.abs);
      return values && { name: `${o.unary?.operator ?? "abs"}(${o.unary?.fieldName})`, values };
    }
    case "index":
      return { name: "Row", values: rows.map((i) => (o.index?.asPercentile ? i / Math.max(1, rows.length - 1) : i)) };
    case "cumulativeFunctions": {
      let sum = 0;
      const mean = o.cumulative?.reducer === "mean";
      const values = each(find(o.cumulative?.field), (v) => (sum += v));
      return (
        values && {
          name: `cumulative ${mean ? "mean" : "sum"}(${o.cumulative?.field})`,
          values: mean ? values.map((v, i) => (v === null ? null : v / (i + 1))) : values,
        }
      );
    }
  }
  return undefined;
}

/** numeric computes with a number, and has nothing for what is none. */
function numeric<T extends number | null>(v: unknown, make: (v: number) => T): T | null {
  return typeof v === "number" ? make(v) : null;
}

function side(s: Side | undefined, find: (name?: string) => Field | undefined): { name: string; at: (i: number) => unknown } | undefined {
  const named = typeof s === "string" ? s : s?.matcher?.options,
    fixed = typeof s === "string" ? s : s?.fixed;
  const field = find(named);
  if (field) return { name: field.label, at: (i) => field.values[i] };
  const number = fixed === undefined || String(fixed).trim() === "" ? NaN : Number(fixed);
  return Number.isNaN(number) ? undefined : { name: String(fixed), at: () => number };
}

const titles: Record<string, string> = { sum: "Total", lastNotNull: "Last *", firstNotNull: "First *" };
const title = (reducer: string) => titles[reducer] ?? reducer[0].toUpperCase() + reducer.slice(1);
