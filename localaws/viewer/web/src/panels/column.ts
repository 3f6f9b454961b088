import type { Field } from "../frames";

/** column is a field that a transformation made. */
export const column = (name: string, type: string, values: any[]): Field => ({ name, label: name, type, labels: {}, values, config: {} });

/** rowsOf is how many rows the fields have. */
export const rowsOf = (fields: Field[]) => Math.max(0, ...fields.map((f) => f.values.length));
