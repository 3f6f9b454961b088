// Saving a dashboard, and its JSON as it is.

import * as api from "./api";
import type { DashboardPage } from "./dashboard";
import { dialog, h, toast } from "./dom";
import type { Dashboard } from "./model";
import { readDashboard } from "./read";

type Saved = Awaited<ReturnType<typeof api.saveDashboard>>;

/** save asks for a title and a folder the first time, and then saves. */
export function save(what: { dashboard: Dashboard; folder: string }, done: (saved: Saved) => void): void {
  const tell = (problem: string) => {
    if (problem) toast(problem, true);
  };
  const send = async (folder: string, overwrite: boolean): Promise<string> => {
    try {
      done(await api.saveDashboard(what.dashboard, folder, overwrite));
      return "";
    } catch (e) {
      if (e instanceof api.Failure && e.status === 412 && !overwrite && e.body?.status === "version-mismatch") {
        conflict(() => void send(folder, true).then(tell));
        return "";
      }
      return (e as Error).message;
    }
  };
  if (what.dashboard.uid && what.dashboard.version) {
    void send(what.folder, false).then(tell);
    return;
  }
  const title = h("input", { id: "dashboard-title", value: what.dashboard.title, required: true }),
    folder = h("select", { id: "dashboard-folder" }, h("option", { value: "" }, "General"));
  const problem = h("p", { class: "bad", role: "alert" });
  void api.folders().then(
    (all) => folder.append(...all.map((f) => h("option", { value: f.uid }, f.title))),
    (e: Error) => {
      problem.textContent = e.message;
    },
  );
  const submit = async (e: Event) => {
    e.preventDefault();
    what.dashboard.title = title.value.trim();
    const said = await send(folder.value, false);
    if (said) problem.textContent = said;
    else d.close();
  };
  const d = dialog(
    "Save the dashboard",
    h(
      "form",
      { onsubmit: submit },
      h("label", { for: "dashboard-title" }, "Title"),
      title,
      h("label", { for: "dashboard-folder" }, "Folder"),
      folder,
      problem,
      h(
        "div",
        { class: "buttons" },
        h("button", { type: "button", class: "quiet", onclick: () => d.close() }, "Cancel"),
        h("button", { class: "primary" }, "Save"),
      ),
    ),
  );
  title.select();
}

function conflict(overwrite: () => void): void {
  const d = dialog(
    "Another user has saved this dashboard",
    h(
      "div",
      null,
      h("p", null, "The dashboard was changed after you opened it. Overwriting it discards those changes."),
      h(
        "div",
        { class: "buttons" },
        h("button", { class: "quiet", onclick: () => d.close() }, "Cancel"),
        h(
          "button",
          {
            class: "danger",
            onclick: () => {
              d.close();
              overwrite();
            },
          },
          "Save over it",
        ),
      ),
    ),
  );
}

/** showJSON shows a dashboard as it is imported into Grafana; editors may change it. */
export function showJSON(page: DashboardPage): void {
  const area = h("textarea", {
    class: "json",
    spellcheck: "false",
    "aria-label": "JSON",
    readonly: !page.editable,
    value: JSON.stringify(page.dashboard, null, 2),
  });
  const problem = h("p", { class: "bad", role: "alert" });
  const apply = () => {
    try {
      page.dashboard = {
        ...readDashboard(JSON.parse(area.value)),
        id: page.dashboard.id,
        uid: page.dashboard.uid,
        version: page.dashboard.version,
      };
    } catch (e) {
      problem.textContent = (e as Error).message;
      return;
    }
    d.close();
    page.touched();
    page.show({});
  };
  const copy = () =>
    void navigator.clipboard.writeText(area.value).then(
      () => toast("The JSON is copied."),
      (e: Error) => toast(e.message, true),
    );
  const d = dialog(
    "JSON of the dashboard",
    h(
      "div",
      null,
      area,
      problem,
      h(
        "div",
        { class: "buttons" },
        h("button", { class: "quiet", onclick: copy }, "Copy"),
        page.editable && h("button", { class: "primary", onclick: apply }, "Apply"),
      ),
    ),
  );
  d.classList.add("wide");
}
