// The frame around all pages, and which address shows which of them.

import "uplot/dist/uPlot.min.css";
import * as api from "./api";
import { go, mayEdit, type App } from "./app";
import { DashboardPage } from "./dashboard";
import { fill, h, icon } from "./dom";
import { ExplorePage } from "./explore";
import { ImportPage } from "./import";
import { ListPage } from "./list";
import type { Page } from "./page";
import { SourcesPage } from "./sources";

const places = [
  ["/dashboards", "Dashboards", "dashboards"],
  ["/explore", "Explore", "explore"],
  ["/connections/datasources", "Data sources", "sources"],
] as const;

const content = h("main", { id: "main", tabindex: "-1" });
let page: Page | undefined,
  shown = { path: "", address: "" };

function pageFor(app: App, path: string): Page | null {
  const dashboard = /^\/d\/([^/]+)/.exec(path);
  if (dashboard) return new DashboardPage(app, decodeURIComponent(dashboard[1]));
  switch (path.replace(/\/$/, "") || "/dashboards") {
    case "/dashboards":
      return new ListPage(app);
    case "/dashboard/new":
      return mayEdit(app) ? new DashboardPage(app, null) : null;
    case "/dashboard/import":
      return mayEdit(app) ? new ImportPage(app) : null;
    case "/explore":
      return new ExplorePage(app);
    case "/connections/datasources":
    case "/datasources":
      return new SourcesPage(app);
  }
  return null;
}

async function route(app: App, again = false): Promise<void> {
  if (!again && page?.moved && location.pathname === shown.path) {
    page.moved();
    return;
  }
  if (page?.unsaved?.() && !confirm("This dashboard has changes that are not saved. Leave it?")) {
    history.pushState(null, "", shown.address);
    return;
  }
  page?.leave();
  shown = { path: location.pathname, address: location.pathname + location.search };
  const mine = (page = pageFor(app, location.pathname) ?? undefined);
  for (const a of document.querySelectorAll<HTMLAnchorElement>("nav a"))
    a.toggleAttribute(
      "aria-current",
      a.pathname === location.pathname || (a.pathname === "/dashboards" && /^\/(d\/|dashboard\/|$)/.test(location.pathname)),
    );
  document.body.classList.remove("nav-open");
  if (!mine) {
    fill(content, problem("There is no such page."));
    return;
  }
  fill(content, mine.element);
  try {
    await mine.open();
  } catch (e) {
    if (page === mine) fill(content, problem((e as Error).message));
  }
}

const problem = (text: string) =>
  h("div", { class: "start" }, icon("warn"), h("h2", null, text), h("a", { class: "button quiet", href: "/dashboards" }, "All dashboards"));

function frame(app: App, again: () => void): HTMLElement[] {
  const theme = () => {
    const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    localStorage.setItem("theme", next);
    again();
  };
  return [
    h("a", { class: "skip", href: "#main" }, "Skip to the content"),
    h(
      "nav",
      { "aria-label": "Pages" },
      h(
        "div",
        { class: "brand" },
        h("img", { src: "/public/favicon.svg", alt: "", width: 26, height: 26 }),
        h("span", null, "Local Grafana"),
      ),
      places.map(([path, title, name]) => h("a", { href: path, title }, icon(name), h("span", null, title))),
      h("div", { class: "space" }),
      h("a", { href: "/mailbox", title: "Mailbox", target: "_blank" }, icon("mail"), h("span", null, "Mailbox")),
      h("button", { class: "navbutton", title: "Dark or light", onclick: theme }, icon("sun"), h("span", null, "Dark or light")),
      h(
        "form",
        { method: "post", action: "/logout" },
        h("button", { class: "navbutton", title: `Sign out ${app.user.email}` }, icon("out"), h("span", null, "Sign out")),
      ),
      h(
        "div",
        { class: "me", title: `${app.user.email}, ${app.user.role}` },
        h("b", null, app.user.name || app.user.login),
        h("span", { class: "dim" }, app.user.role),
      ),
    ),
    h(
      "button",
      { class: "hamburger square", "aria-label": "Menu", onclick: () => document.body.classList.toggle("nav-open") },
      icon("menu"),
    ),
    content,
  ];
}

/** follow keeps clicks on links of the pages within the program. */
function follow(e: MouseEvent): void {
  const a = (e.target as Element).closest?.("a");
  if (
    !a ||
    e.button !== 0 ||
    e.ctrlKey ||
    e.metaKey ||
    e.shiftKey ||
    a.target ||
    a.origin !== location.origin ||
    a.getAttribute("href")!.startsWith("#")
  )
    return;
  e.preventDefault();
  go(a.pathname + a.search);
}

async function start(): Promise<void> {
  const root = document.getElementById("app")!;
  try {
    const [user, settings] = await Promise.all([api.currentUser(), api.settings()]);
    const app: App = { user, settings };
    root.append(...frame(app, () => void route(app, true)));
    addEventListener("route", () => void route(app));
    addEventListener("popstate", () => void route(app));
    addEventListener("beforeunload", (e) => {
      if (page?.unsaved?.()) e.preventDefault();
    });
    document.addEventListener("click", follow);
    await route(app);
  } catch (e) {
    root.append(problem((e as Error).message));
  }
}

void start();
