// A dashboard: its panels over a time, with its variables, and for editors what
// changes it.

import * as api from "./api";
import { go, mayEdit, parameters, setParameters, type App } from "./app";
import { dialog, fill, h, icon, menu, toast } from "./dom";
import { editPanel } from "./edit";
import { sections } from "./layout";
import { blank, newPanel, type Dashboard, type Panel } from "./model";
import { readDashboard } from "./read";
import { PanelView, type Around } from "./panelview";
import { save, showJSON } from "./save";
import type { Page } from "./page";
import { TimeBar } from "./timebar";
import { control } from "./variablebar";
import { Variables } from "./variables";
import { drawLinks } from "./links";

/** closedAtFirst: a row that is collapsed has its panels in it. */
const closedAtFirst = (row: Panel) => row.collapsed === true && row.panels!.length > 0;

export class DashboardPage implements Page {
  readonly element = h("div", { class: "dashboard" });
  dashboard: Dashboard = blank();
  meta: Partial<api.Meta> = { canSave: true, canEdit: true, folderUid: "", folderTitle: "General" };
  time!: TimeBar;
  variables!: Variables;
  private changedByHand = false;
  private views: PanelView[] = [];
  private readonly closed = new Map<number, boolean>();
  private readonly head = h("header", { class: "head" });
  private readonly bar = h("div", { class: "variables" });
  private known: Promise<void> = Promise.resolve(); // that the variables have values
  private readonly body = h("div", null);

  constructor(
    readonly app: App,
    private readonly uid: string | null,
  ) {
    this.element.append(this.head, this.bar, this.body);
  }

  get editable(): boolean {
    return mayEdit(this.app) && this.meta.canSave !== false && this.dashboard.editable !== false;
  }

  /** readOnly is why the dashboard cannot be changed, in short and with what to do. */
  private get readOnly(): { short: string; long: string } | undefined {
    if (this.editable) return undefined;
    if (!mayEdit(this.app) || this.meta.canSave === false)
      return {
        short: `Read-only: your role is ${this.app.user.role.toLowerCase()}`,
        long: "To change dashboards one needs the role editor or admin, which an admin of the workspace gives.",
      };
    return {
      short: "Read-only: marked as not editable",
      long: "Its author marked this dashboard as not editable (“editable”: false). “Save a copy”, in the menu at the right, makes one that you can change.",
    };
  }

  async open(): Promise<void> {
    if (this.uid) {
      const stored = await api.dashboard(this.uid);
      this.dashboard = readDashboard(stored.dashboard);
      this.meta = stored.meta;
    }
    document.title = `${this.dashboard.title} · Local Grafana`;
    this.time = new TimeBar(this.dashboard.time!, String(this.dashboard.refresh), () => void this.reload());
    this.variables = new Variables(this.dashboard.templating?.list ?? [], parameters());
    this.draw();
    await this.reload();
  }

  /** moved follows the browser's back and forward within the dashboard. */
  moved(): void {
    this.time.follow();
    this.variables = new Variables(this.dashboard.templating?.list ?? [], parameters());
    this.draw();
    void this.reload();
  }

  leave(): void {
    this.time?.stop();
    for (const v of this.views) v.destroy();
  }

  /** unsaved reports whether leaving would lose something. */
  unsaved(): boolean {
    return this.changedByHand;
  }

  /** touched is called after the dashboard was changed. */
  touched(): void {
    this.changedByHand = true;
    this.drawHead();
  }

  /** reload fetches everything again, over the time as it is now. */
  async reload(): Promise<void> {
    this.known = this.variables.load(this.app, this.time.span(), () => this.drawVariables());
    await this.known;
    this.drawVariables();
    await this.runPanels();
  }

  private async runPanels(views = this.views): Promise<void> {
    const span = this.time.span(),
      scope = this.variables.scope();
    await Promise.all(views.map((v) => v.run(span, scope)));
  }

  draw(): void {
    this.drawHead();
    this.drawVariables();
    this.take([]);
    const panel = this.panel(Number(parameters().get("editPanel")) || 0);
    if (panel && this.editable) {
      fill(this.body, editPanel(this, panel, this.around()));
      return;
    }
    this.drawGrid();
  }

  private take(views: PanelView[]): void {
    for (const v of this.views) if (!views.includes(v)) v.destroy();
    this.views = views;
  }

  /** adopt lets the page load a view that the editor drew. */
  adopt(view: PanelView): void {
    this.take([view]);
    void this.runFresh();
  }

  /** runFresh asks the queries of views that never asked. They need the values of the
   * variables: while these are loaded, reload asks. */
  private async runFresh(): Promise<void> {
    await this.known;
    await this.runPanels(this.views.filter((v) => v.fresh));
  }

  private panel(id: number): Panel | undefined {
    return this.dashboard.panels.flatMap((p) => [p, ...(p.panels ?? [])]).find((p) => p.id === id);
  }

  private drawHead(): void {
    const alone = parameters().has("viewPanel"),
      edited = parameters().has("editPanel");
    const back = h(
      "button",
      { class: "quiet", onclick: () => this.show({ viewPanel: undefined, editPanel: undefined }) },
      icon("left"),
      "Back to the dashboard",
    );
    const more = h(
      "button",
      { class: "square", "aria-label": "More", title: "More", onclick: () => menu(more, this.actions()) },
      icon("more"),
    );
    fill(
      this.head,
      h(
        "div",
        { class: "title" },
        h("a", { href: "/dashboards" }, "Dashboards"),
        icon("right"),
        this.meta.folderUid && [h("span", { class: "dim folder" }, this.meta.folderTitle), icon("right")],
        h("h1", null, this.dashboard.title),
        this.changedByHand && h("span", { class: "tag" }, "not saved"),
        this.readOnly && h("span", { class: "tag", title: this.readOnly.long, tabindex: "0" }, this.readOnly.short),
      ),
      h(
        "div",
        { class: "tools" },
        (alone || edited) && back,
        this.editable && !alone && !edited && h("button", { class: "quiet", onclick: () => this.addPanel() }, icon("plus"), "Add panel"),
        this.editable && h("button", { class: this.changedByHand ? "primary" : "quiet", onclick: () => this.save() }, icon("save"), "Save"),
        this.time.element,
        more,
      ),
    );
  }

  private actions(): Parameters<typeof menu>[1] {
    const actions: Parameters<typeof menu>[1] = [
      {
        label: "Copy the address",
        run: () =>
          void navigator.clipboard.writeText(location.href).then(
            () => toast("The address is copied."),
            () => toast(location.href),
          ),
      },
      { label: this.editable ? "View or edit JSON" : "View JSON", run: () => showJSON(this) },
    ];
    if (mayEdit(this.app) && this.uid) actions.push({ label: "Save a copy", run: () => this.copy() });
    if (this.editable && this.uid) actions.push({ label: "Delete the dashboard", danger: true, run: () => this.remove() });
    return actions;
  }

  private remove(): void {
    const d = dialog(
      "Delete the dashboard?",
      h(
        "div",
        null,
        h("p", null, `“${this.dashboard.title}” goes away for everybody.`),
        h(
          "div",
          { class: "buttons" },
          h("button", { class: "quiet", onclick: () => d.close() }, "Keep it"),
          h(
            "button",
            {
              class: "danger",
              onclick: async () => {
                try {
                  await api.deleteDashboard(this.uid!);
                } catch (e) {
                  toast((e as Error).message, true);
                  return;
                }
                d.close();
                this.changedByHand = false;
                go("/dashboards");
              },
            },
            "Delete",
          ),
        ),
      ),
    );
  }

  private copy(): void {
    const dashboard = {
      ...structuredClone(this.dashboard),
      id: null,
      uid: undefined,
      version: 0,
      title: `${this.dashboard.title}, copy`,
      editable: true,
    };
    save({ dashboard, folder: "" }, (saved) => {
      toast("Saved.");
      go(saved.url);
    });
  }

  private save(): void {
    save({ dashboard: this.dashboard, folder: this.meta.folderUid ?? "" }, (saved) => {
      Object.assign(this.dashboard, { id: saved.id, uid: saved.uid, version: saved.version });
      this.changedByHand = false;
      toast("Saved.");
      if (this.uid) {
        this.drawHead();
        return;
      }
      const keep = parameters();
      keep.delete("editPanel");
      go(saved.url + (keep.size > 0 ? `?${keep}` : ""));
    });
  }

  private drawVariables(): void {
    const controls = this.variables.list.map((v) => control(v, () => void this.choose(v.name, v.selected))).filter((c) => c !== null);
    const focused =
      document.activeElement instanceof HTMLElement && this.bar.contains(document.activeElement)
        ? [...this.bar.querySelectorAll("button")].indexOf(document.activeElement as HTMLButtonElement)
        : -1;
    fill(this.bar, controls, drawLinks(this.dashboard, this.variables, this.time.range));
    this.bar.querySelectorAll("button")[focused]?.focus();
  }

  private async choose(name: string, selected: string[]): Promise<void> {
    setParameters({ [`var-${name}`]: selected });
    await this.reload();
    if (this.dashboard.panels.some((p) => p.repeat || p.panels?.some((q) => q.repeat))) {
      this.draw();
      await this.runPanels();
    }
  }

  /** show opens a panel alone or in the editor, or all of them again. */
  show(parameters: Record<string, string | undefined>): void {
    setParameters(parameters);
    this.draw();
    void this.runPanels();
  }

  private around(): Around {
    return {
      app: this.app,
      sync: this.dashboard.graphTooltip ? "dashboard" : "",
      zoom: (from, to) => this.time.zoom(from, to),
      actions: (panel) => [
        {
          label: parameters().has("viewPanel") ? "Back to the dashboard" : "View",
          run: () => this.show({ viewPanel: parameters().has("viewPanel") ? undefined : String(panel.id) }),
        },
        ...(this.editable
          ? [
              { label: "Edit", run: () => this.show({ editPanel: String(panel.id), viewPanel: undefined }) },
              { label: "Duplicate", run: () => this.duplicate(panel) },
            ]
          : []),
        ...(panel.targets?.[0]?.expr ? [{ label: "Explore", run: () => this.explore(panel) }] : []),
        ...(this.editable ? [{ label: "Remove", danger: true, run: () => this.removePanel(panel) }] : []),
      ],
    };
  }

  private explore(panel: Panel): void {
    const p = new URLSearchParams({ expr: panel.targets![0].expr!, from: this.time.range.from, to: this.time.range.to });
    go(`/explore?${p}`);
  }

  private addPanel(): void {
    const source = this.app.settings.sources.find((s) => s.isDefault) ?? this.app.settings.sources[0];
    const panel = newPanel(this.dashboard.panels, source ? { type: source.type, uid: source.uid } : {});
    this.dashboard.panels.push(panel);
    this.touched();
    this.show({ editPanel: String(panel.id) });
  }

  private duplicate(panel: Panel): void {
    const like = newPanel(this.dashboard.panels, {});
    this.dashboard.panels.push({
      ...structuredClone(panel),
      id: like.id,
      gridPos: { ...panel.gridPos, x: 0, y: Math.max(...this.dashboard.panels.map((p) => p.gridPos.y + p.gridPos.h)) },
    });
    this.touched();
    this.show({});
  }

  private removePanel(panel: Panel): void {
    this.dashboard.panels = this.dashboard.panels.filter((p) => p !== panel);
    for (const row of this.dashboard.panels) if (row.panels) row.panels = row.panels.filter((p) => p !== panel);
    this.touched();
    this.show({ viewPanel: undefined, editPanel: undefined });
  }

  private drawGrid(): void {
    const alone = this.panel(Number(parameters().get("viewPanel")) || 0),
      around = this.around(),
      views: PanelView[] = [];
    if (alone) {
      const view = new PanelView(alone, around);
      this.take([view]);
      fill(this.body, h("div", { class: "alone" }, view.element));
      return;
    }
    const grid = h("div", { class: "grid" });
    for (const section of sections(this.dashboard.panels, (row) => this.closed.get(row.id) ?? closedAtFirst(row), this.variables)) {
      if (section.row) grid.append(this.row(section.row, section.open, section.top, section.panels.length));
      if (!section.open) continue;
      for (const { panel, place, own } of section.panels) {
        const same = this.views.find((v) => v.panel === panel && JSON.stringify(v.own) === JSON.stringify(own));
        const view = same ?? new PanelView(panel, around, own);
        Object.assign(view.element.style, { gridColumn: `${place.x + 1} / span ${place.w}`, gridRow: `${place.y + 1} / span ${place.h}` });
        view.element.style.setProperty("--h", String(place.h));
        if (place.w <= 6 && place.h <= 6 && panel.type !== "timeseries" && panel.type !== "text") view.element.classList.add("small");
        grid.append(view.element);
        views.push(view);
      }
    }
    this.take(views);
    fill(this.body, grid, this.dashboard.panels.length === 0 && this.nothingYet());
  }

  private row(row: Panel, open: boolean, top: number, count: number): HTMLElement {
    const toggle = () => {
      this.closed.set(row.id, open);
      this.drawGrid();
      void this.runFresh();
    };
    return h(
      "div",
      { class: "rowhead", style: { gridRow: `${top + 1} / span 1` } },
      h(
        "button",
        { "aria-expanded": String(open), onclick: toggle },
        icon(open ? "down" : "right"),
        row.title,
        !open && h("span", { class: "dim" }, `${count} ${count === 1 ? "panel" : "panels"}`),
        row.repeat && h("span", { class: "dim" }, `repeated for ${row.repeat} in Grafana, shown once here`),
      ),
    );
  }

  private nothingYet(): HTMLElement {
    return h(
      "div",
      { class: "start" },
      icon("dashboards"),
      h("h2", null, "This dashboard has no panels yet"),
      this.editable
        ? h("button", { class: "primary", onclick: () => this.addPanel() }, icon("plus"), "Add panel")
        : h("p", { class: "dim" }, "A user with the role editor can add dashboards."),
    );
  }
}
