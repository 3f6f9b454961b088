// Variables in texts: $name, ${name}, ${name:format}, [[name]].

export type Value = string | string[];

/** Scope are the values of the variables, by name. */
export type Scope = Record<string, { value: Value; text: string; multi: boolean }>;

const pattern = /\$(\w+)|\$\{(\w+)(?:\.(?:\w+))?(?::(\w+))?\}|\[\[(\w+)(?::(\w+))?\]\]/g;

/** interpolate fills in the variables that there are; others stay as they are:
 * Grafana's own, $__interval and the like, are the server's to fill in. */
export function interpolate(text: string, scope: Scope, context: "promql" | "text" = "text"): string {
  return text.replace(pattern, (all, a: string, b: string, f1: string, c: string, f2: string) => {
    const variable = scope[a ?? b ?? c];
    if (!variable) return all;
    return written(variable, f1 ?? f2 ?? (context === "promql" ? "promql" : "text"));
  });
}

const escapeRegex = (s: string) => s.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
// Within a string of PromQL every backslash stands twice.
const escapePromRegex = (s: string) => s.replace(/\\/g, "\\\\\\\\").replace(/[$^*{}[\]+?.()|]/g, "\\\\$&");

function written(variable: Scope[string], format: string): string {
  const { value, text, multi } = variable;
  const all = Array.isArray(value) ? value : [value];
  switch (format) {
    case "text":
      return text;
    case "raw":
      return all.join(",");
    case "csv":
      return all.join(",");
    case "pipe":
      return all.join("|");
    case "json":
      return JSON.stringify(value);
    case "doublequote":
      return all.map((v) => `"${v.replaceAll('"', '\\"')}"`).join(",");
    case "singlequote":
      return all.map((v) => `'${v.replaceAll("'", "\\'")}'`).join(",");
    case "percentencode":
      return encodeURIComponent(all.join(","));
    case "queryparam":
      return all.map((v) => `var=${encodeURIComponent(v)}`).join("&");
    case "glob":
      return all.length > 1 ? `{${all.join(",")}}` : (all[0] ?? "");
    case "regex":
      return all.length > 1 ? `(${all.map(escapeRegex).join("|")})` : escapeRegex(all[0] ?? "");
    case "promql":
      if (!multi) return all.join(",").replaceAll("\\", "\\\\").replaceAll('"', '\\"');
      if (!Array.isArray(value)) return value; // allValue: a pattern as it stands
      return all.length === 1 ? escapePromRegex(all[0]) : `(${all.map(escapePromRegex).join("|")})`;
  }
  return all.join(",");
}

/** legend fills the labels of a series into a format like "{{instance}} {{mode}}". */
export function legend(format: string, labels: Record<string, string>): string {
  return format.replace(/\{\{\s*(.+?)\s*\}\}/g, (_, name: string) => labels[name] ?? "");
}
