// The list of dashboards, by folder.

import * as api from "./api";
import { go, mayEdit, parameters, setParameters, type App } from "./app";
import { fill, h, icon } from "./dom";
import type { Page } from "./page";

export class ListPage implements Page {
  readonly element = h("div", { class: "list" });
  private hits: api.Hit[] = [];
  private readonly found = h("div", null);
  private readonly search = h("input", {
    type: "search",
    placeholder: "Search dashboards",
    "aria-label": "Search dashboards",
    value: parameters().get("query") ?? "",
    oninput: () => this.draw(),
  });

  constructor(private readonly app: App) {
    document.title = "Dashboards · Local Grafana";
    this.element.append(
      h(
        "header",
        { class: "head" },
        h("div", { class: "title" }, h("h1", null, "Dashboards")),
        h(
          "div",
          { class: "tools" },
          h("div", { class: "search" }, icon("search"), this.search),
          mayEdit(app) && h("button", { class: "quiet", onclick: () => go("/dashboard/import") }, icon("json"), "Import"),
          mayEdit(app) && h("button", { class: "primary", onclick: () => go("/dashboard/new") }, icon("plus"), "New dashboard"),
        ),
      ),
      this.found,
    );
  }

  async open(): Promise<void> {
    this.hits = await api.search();
    this.draw();
  }

  leave(): void {}

  private draw(): void {
    const typed = this.search.value.trim().toLowerCase(),
      folder = parameters().get("folder");
    setParameters({ query: typed || undefined }, true);
    const shown = this.hits.filter(
      (h) =>
        h.type === "dash-db" &&
        (!folder || h.folderUid === folder) &&
        `${h.title} ${h.folderTitle ?? ""} ${h.tags.join(" ")}`.toLowerCase().includes(typed),
    );
    const groups = new Map<string, api.Hit[]>();
    for (const hit of shown) groups.set(hit.folderTitle ?? "General", [...(groups.get(hit.folderTitle ?? "General") ?? []), hit]);
    if (!typed && !folder) for (const f of this.hits) if (f.type === "dash-folder" && !groups.has(f.title)) groups.set(f.title, []);
    fill(
      this.found,
      [...groups]
        .sort(([a], [b]) => a.localeCompare(b))
        .map(([title, hits]) =>
          h(
            "section",
            { class: "folder", "aria-label": title },
            h("h2", null, icon("folder"), title),
            hits.length === 0
              ? h("p", { class: "dim" }, "This folder is empty.")
              : hits.map((hit) =>
                  h(
                    "a",
                    { class: "hit", href: hit.url },
                    icon("dashboards"),
                    h("span", null, hit.title),
                    hit.tags.map((t) => h("span", { class: "tag" }, t)),
                  ),
                ),
          ),
        ),
      groups.size === 0 &&
        h(
          "div",
          { class: "start" },
          icon("dashboards"),
          h("h2", null, typed ? "No dashboard title matches the search" : "There are no dashboards yet"),
          !typed &&
            mayEdit(this.app) &&
            h("button", { class: "primary", onclick: () => go("/dashboard/new") }, icon("plus"), "New dashboard"),
        ),
    );
  }
}
