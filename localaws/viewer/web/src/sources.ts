// The data sources, with which of them is the default, and whether each works.

import * as api from "./api";
import { go, isPrometheus, type App } from "./app";
import { h, icon } from "./dom";
import type { Page } from "./page";

const kinds: Record<string, string> = {
  "grafana-amazonprometheus-datasource": "Amazon Managed Service for Prometheus",
  prometheus: "Prometheus",
  cloudwatch: "Amazon CloudWatch",
};

export class SourcesPage implements Page {
  readonly element = h("div", { class: "sources" });
  constructor(private readonly app: App) {
    document.title = "Data sources · Local Grafana";
  }

  async open(): Promise<void> {
    const { sources } = (this.app.settings = await api.settings());
    this.element.replaceChildren(
      h("header", { class: "head" }, h("div", { class: "title" }, h("h1", null, "Data sources"))),
      sources.length === 0
        ? h(
            "div",
            { class: "start" },
            icon("sources"),
            h("h2", null, "There are no data sources yet"),
            h("p", { class: "dim" }, document.getElementById("app")?.dataset.addSource || "An admin adds them with Grafana's HTTP API."),
          )
        : h(
            "div",
            { class: "cards" },
            sources.map((s) => this.card(s)),
          ),
    );
  }

  leave(): void {}

  private card(s: api.Source): HTMLElement {
    const result = h("div", { class: "result", role: "status" });
    const check = h(
      "button",
      {
        class: "quiet",
        onclick: async () => {
          check.disabled = true;
          result.className = "result";
          result.replaceChildren("Asking …");
          const { ok, message } = await api.health(s.uid);
          check.disabled = false;
          result.className = ok ? "result good" : "result bad";
          result.replaceChildren(icon(ok ? "check" : "warn"), message || (ok ? "It works." : "It does not answer."));
        },
      },
      "Check health",
    );
    return h(
      "article",
      { class: "source", "aria-label": s.name },
      icon("sources"),
      h(
        "div",
        { class: "about" },
        h("h2", null, s.name, s.isDefault && h("span", { class: "tag good" }, "default")),
        h(
          "p",
          { class: "dim" },
          kinds[s.type] ?? s.type,
          s.jsonData.sigV4Region && ` · ${s.jsonData.sigV4Region}`,
          s.jsonData.sigV4Auth && " · signed with SigV4",
        ),
        result,
      ),
      h(
        "div",
        { class: "buttons" },
        isPrometheus(s) && h("button", { class: "quiet", onclick: () => go(`/explore?source=${encodeURIComponent(s.uid)}`) }, "Explore"),
        check,
      ),
    );
  }
}
