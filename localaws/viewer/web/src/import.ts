// Importing a dashboard of another place: its JSON, then what it asks for.

import * as api from "./api";
import { go, type App } from "./app";
import { fill, h, icon } from "./dom";
import { candidates, needs, resolved, type Need } from "./inputs";
import type { Page } from "./page";
import { readDashboard } from "./read";

export class ImportPage implements Page {
  readonly element = h("div", { class: "import" });
  private readonly area = h("textarea", {
    class: "json",
    rows: 12,
    spellcheck: "false",
    "aria-label": "JSON of the dashboard",
    placeholder: "The JSON of a dashboard, as Grafana exports it",
  });
  private readonly file = h("input", {
    type: "file",
    accept: ".json,application/json",
    "aria-label": "File with a dashboard",
    onchange: () => void this.readFile(),
  });
  private readonly problem = h("p", { class: "bad", role: "alert" });
  private readonly rest = h("div", null);

  constructor(private readonly app: App) {
    document.title = "Import a dashboard · Local Grafana";
    this.element.append(
      h("header", { class: "head" }, h("div", { class: "title" }, h("h1", null, "Import a dashboard"))),
      h(
        "section",
        { class: "settings" },
        h("label", null, h("span", null, "File"), this.file),
        h("label", null, h("span", null, "or its JSON"), this.area),
        this.problem,
        h("div", { class: "buttons" }, h("button", { class: "primary", type: "button", onclick: () => this.load() }, "Load")),
      ),
      this.rest,
    );
  }

  async open(): Promise<void> {
    this.app.settings = await api.settings();
  }

  leave(): void {}

  private async readFile(): Promise<void> {
    const file = this.file.files?.[0];
    if (!file) return;
    this.area.value = await file.text();
    this.load();
  }

  /** load reads what was given and asks for what it needs. */
  private load(): void {
    fill(this.rest);
    this.problem.textContent = "";
    try {
      let raw = JSON.parse(this.area.value);
      if (raw?.dashboard && !raw.panels) raw = raw.dashboard; // as the API answers with it
      this.ask(raw, readDashboard(raw).title);
    } catch (e) {
      this.problem.textContent = (e as Error).message;
    }
  }

  private ask(raw: Record<string, any>, named: string): void {
    const all = needs(raw, this.app.settings.sources),
      title = h("input", { value: named, required: true, "aria-label": "Title" }),
      folder = h("select", { "aria-label": "Folder" }, h("option", { value: "" }, "General")),
      problem = h("p", { class: "bad", role: "alert" }),
      button = h("button", { class: "primary" }, "Import");
    void api.folders().then(
      (some) => folder.append(...some.map((f) => h("option", { value: f.uid }, f.title))),
      (e: Error) => {
        problem.textContent = e.message;
      },
    );
    let over = false;
    const submit = async (e: Event) => {
      e.preventDefault();
      const ready = resolved({ ...raw, title: title.value.trim() }, all, this.app.settings.sources);
      try {
        const made = await api.importDashboard(ready.dashboard, folder.value, ready.inputs, over);
        go(made.importedUrl);
      } catch (e) {
        const there = e instanceof api.Failure && e.status === 412;
        problem.textContent = there ? "A dashboard with this uid or title already exists." : (e as Error).message;
        over = there;
        button.textContent = there ? "Replace it" : "Import";
      }
    };
    fill(
      this.rest,
      h(
        "form",
        { class: "settings", onsubmit: submit },
        h("label", null, h("span", null, "Title"), title),
        h("label", null, h("span", null, "Folder"), folder),
        all.map((n) => this.choice(n)),
        problem,
        h("div", { class: "buttons" }, button),
      ),
    );
  }

  /** choice asks for one need; what is chosen is its value. */
  private choice(n: Need): HTMLElement {
    if (n.kind === "constant") {
      const input = h("input", { value: n.value, "aria-label": n.label, oninput: () => (n.value = input.value) });
      return h("label", null, h("span", null, n.label), input);
    }
    const some = candidates(n.type, this.app.settings.sources);
    const select = h(
      "select",
      { class: "source-choice", "aria-label": n.label, onchange: () => (n.value = select.value) },
      (n.kind === "source" || some.length === 0) && h("option", { value: "", selected: n.value === "" }, "leave it as it is"),
      some.map((s) => h("option", { value: s.uid, selected: s.uid === n.value }, s.name + (s.isDefault ? " (default)" : ""))),
    );
    return h(
      "label",
      null,
      h(
        "span",
        null,
        n.kind === "input" ? `Data source for the input ${n.label}` : `Data source that stands for “${n.label}”, which is not here`,
        n.type && `, of the type ${n.type}`,
      ),
      select,
      some.length === 0 && h("span", { class: "bad" }, icon("warn"), ` There is no data source of the type ${n.type} here.`),
    );
  }
}
