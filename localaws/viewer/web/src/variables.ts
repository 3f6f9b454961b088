// The variables of a dashboard: what can be chosen, and what is.

import { logGroups, resource } from "./api";
import { isPrometheus, sourceOf, type App } from "./app";
import { pattern } from "./frames";
import { interpolate, type Scope } from "./interpolate";
import type { VariableModel } from "./model";
import { durationText, type Span } from "./time";

export interface Option {
  text: string;
  value: string;
}

const all = "$__all";

export class Variable {
  options: Option[] = [];
  selected: string[];
  problem = "";
  private readonly asked: boolean; // for by the address: it counts whether it is an option or not

  constructor(
    readonly model: VariableModel,
    fromAddress: string[],
  ) {
    const saved = [model.current?.value ?? []]
      .flat()
      .map(String)
      .filter((v) => v !== "");
    this.selected = fromAddress.length > 0 ? fromAddress.map((v) => (v === "All" ? all : v)) : saved;
    this.asked = fromAddress.length > 0;
    if (this.selected.length === 0 && model.includeAll) this.selected = [all];
    if (!model.multi) this.selected = this.selected.slice(0, 1);
  }

  get name(): string {
    return this.model.name;
  }
  get label(): string {
    return this.model.label || this.model.name;
  }
  get isAll(): boolean {
    return this.selected.includes(all);
  }
  get text(): string {
    if (this.isAll) return "All";
    return this.selected.map((v) => this.options.find((o) => o.value === v)?.text ?? v).join(" + ");
  }

  /** settled reports whether the value is known without the options. */
  get settled(): boolean {
    if (this.isAll) return !!this.model.allValue && !!this.model.includeAll;
    return this.selected.length > 0 && (this.asked || !this.ofOptions);
  }

  /** ofOptions reports whether the value is one of the options: others are typed. */
  private get ofOptions(): boolean {
    return !["textbox", "constant"].includes(this.model.type);
  }

  /** choices are the options, All among them if it may be chosen. */
  get choices(): Option[] {
    return this.model.includeAll ? [{ text: "All", value: all }, ...this.options] : this.options;
  }

  scope(): Scope[string] {
    const { multi = false, includeAll = false, allValue } = this.model;
    const value = this.isAll ? allValue || this.options.map((o) => o.value) : multi ? this.selected : (this.selected[0] ?? "");
    return { value, text: this.text, multi: multi || includeAll };
  }

  /** values are those that are chosen, one by one. */
  values(): string[] {
    return this.isAll ? this.options.map((o) => o.value) : this.selected;
  }

  /** settle takes the first choice where a saved value is none, as in a dashboard of
   * another place. One that is saved as an option's text is that option. */
  private settle(): void {
    if (this.options.length === 0 || (this.asked && this.selected.length > 0)) return;
    if (!this.ofOptions && this.selected.length > 0) return;
    const texts = [this.model.current?.text ?? []].flat().map(String);
    const valid = this.selected.filter((v) => this.choices.some((o) => o.value === v));
    const named = this.options.filter((o) => this.selected.includes(o.text) || texts.includes(o.text)).map((o) => o.value);
    const known = valid.length > 0 ? valid : named.length > 0 ? named : [this.choices[0].value];
    this.selected = this.model.multi ? known : known.slice(0, 1);
  }

  async load(app: App, scope: Scope, span: Span): Promise<void> {
    this.problem = "";
    try {
      this.options = await optionsOf(this.model, app, scope, span);
    } catch (e) {
      this.problem = (e as Error).message;
    }
    this.settle();
  }
}

/** Variables are those of a dashboard, in its order: later ones may name earlier. */
export class Variables {
  readonly list: Variable[];
  constructor(models: VariableModel[], parameters: URLSearchParams) {
    this.list = models.map((m) => new Variable(m, parameters.getAll(`var-${m.name}`)));
  }

  scope(): Scope {
    return Object.fromEntries(this.list.map((v) => [v.name, v.scope()]));
  }

  /** load settles the values, and fetches the options. It returns as soon as the
   * values are known; changed is called for options that come later. */
  async load(app: App, span: Span, changed: (v: Variable) => void): Promise<void> {
    for (const v of this.list) {
      const loading = v.load(app, this.scope(), span).then(() => changed(v));
      if (!v.settled) await loading;
    }
  }
}

async function optionsOf(model: VariableModel, app: App, scope: Scope, span: Span): Promise<Option[]> {
  const plain = (values: string[]) => values.map((v) => ({ text: v, value: v }));
  const query = typeof model.query === "string" ? model.query : (model.query?.query ?? model.definition ?? "");
  switch (model.type) {
    case "custom":
      return listed(query);
    case "interval":
      return plain(
        query
          .split(",")
          .map((v: string) => v.trim())
          .filter(Boolean),
      );
    case "constant":
    case "textbox":
      return plain([query]);
    case "datasource": {
      const wanted = model.regex ? pattern(model.regex) : undefined;
      const found = app.settings.sources.filter(
        (s) => (s.type === query || (query === "prometheus" && isPrometheus(s))) && (!wanted || wanted.test(s.name)),
      );
      const plainly = found.some((s) => s.isDefault) ? plain(["default"]) : [];
      return [...found.map((s) => ({ text: s.name, value: s.uid })), ...plainly];
    }
    case "query": {
      const source = sourceOf(app, model.datasource, (t) => interpolate(t, scope));
      if (!source) throw new Error("its data source does not exist");
      if (source.type === "cloudwatch") {
        if (model.query?.queryType !== "logGroups") throw new Error("of CloudWatch, variables of log groups are filled in here");
        const prefix = interpolate(model.query.logGroupPrefix ?? "", scope);
        return chosen(
          (await logGroups(source.uid, model.query.region ?? "default", prefix)).map((g) => g.arn),
          model,
        );
      }
      return chosen(await queried(source.uid, interpolate(ranged(query, span), scope, "promql"), span), model);
    }
  }
  throw new Error(`variables of the type ${model.type} are not filled in here`);
}

/** listed reads "a, b, Name : value". */
function listed(query: string): Option[] {
  return (query.match(/(?:\\,|[^,])+/g) ?? []).map((part) => {
    const plain = part.replaceAll("\\,", ",").trim(),
      m = /^(.+?)\s:\s(.+)$/.exec(plain);
    return m ? { text: m[1].trim(), value: m[2].trim() } : { text: plain, value: plain };
  });
}

function ranged(query: string, span: Span): string {
  const length = Math.round((span.to - span.from) / 1000);
  return query.replace(/\$\{__range\}|\$__range\b/g, durationText(length * 1000)).replace(/\$\{__range_s\}|\$__range_s\b/g, String(length));
}

/** queried runs one of the functions that Prometheus' variables have. */
async function queried(uid: string, query: string, span: Span): Promise<string[]> {
  const time: [string, string][] = [
    ["start", String(Math.floor(span.from / 1000))],
    ["end", String(Math.ceil(span.to / 1000))],
  ];
  const values = /^\s*label_values\((?:(.+),)?\s*(\w+)\s*\)\s*$/s.exec(query),
    names = /^\s*label_names\(\s*(.*?)\s*\)\s*$/s.exec(query);
  const metrics = /^\s*metrics\((.*)\)\s*$/s.exec(query),
    result = /^\s*query_result\((.*)\)\s*$/s.exec(query);
  const match = (m?: string): [string, string][] => (m?.trim() ? [["match[]", m.trim()]] : []);
  if (values) return resource<string[]>(uid, `label/${values[2]}/values`, [...match(values[1]), ...time]);
  if (names) return resource<string[]>(uid, "labels", [...match(names[1]), ...time]);
  if (metrics) {
    const wanted = new RegExp(metrics[1].trim());
    return (await resource<string[]>(uid, "label/__name__/values", time)).filter((n) => wanted.test(n));
  }
  const expr = result ? result[1] : query;
  if (!expr.trim()) return [];
  const answer = await resource<{ resultType: string; result: any }>(uid, "query", [
    ["query", expr],
    ["time", String(span.to / 1000)],
  ]);
  if (answer.resultType === "scalar") return [answer.result[1]];
  return answer.result.map((r: { metric: Record<string, string>; value: [number, string] }) => {
    const { __name__ = "", ...labels } = r.metric;
    return `${__name__}{${Object.entries(labels)
      .map(([k, v]) => `${k}="${v}"`)
      .join(",")}} ${r.value[1]} ${Math.round(r.value[0] * 1000)}`;
  });
}

/** chosen applies a variable's regex and order. */
function chosen(values: string[], model: VariableModel): Option[] {
  const wanted = model.regex ? (pattern(model.regex) ?? pattern(`/${model.regex}/`)) : undefined;
  const options = new Map<string, Option>();
  for (const v of values) {
    const m = wanted ? wanted.exec(v) : [v];
    if (!m) continue;
    const value = (m as RegExpExecArray).groups?.value ?? m[1] ?? m[0],
      text = (m as RegExpExecArray).groups?.text ?? value;
    if (value !== "") options.set(value, { text, value });
  }
  const list = [...options.values()],
    sort = model.sort ?? 0;
  const numeric = sort === 3 || sort === 4 || sort >= 7;
  if (sort > 0)
    list.sort((a, b) => a.text.localeCompare(b.text, undefined, { numeric, sensitivity: sort === 5 || sort === 6 ? "base" : "variant" }));
  if (sort > 0 && sort % 2 === 0) list.reverse();
  return list;
}
