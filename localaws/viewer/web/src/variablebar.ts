import { arrows, h, icon, popup } from "./dom";
import type { Variable } from "./variables";

const most = 200; // options shown; the filter finds the others

/** control is how one variable is chosen; changed is called when it was. */
export function control(v: Variable, changed: () => void): HTMLElement | null {
  if (v.model.hide === 2 || v.model.type === "constant") return null;
  const label = v.model.hide === 1 ? null : h("span", { class: "label" }, v.label);
  if (v.model.type === "textbox") {
    const input = h("input", {
      value: v.selected[0] ?? "",
      "aria-label": v.label,
      onchange: () => {
        v.selected = [input.value];
        changed();
      },
    });
    return h("div", { class: "variable" }, label, input);
  }
  const button = h(
    "button",
    {
      class: v.problem ? "bad" : "",
      title: v.problem || v.text,
      "aria-haspopup": "listbox",
      "aria-label": `${v.label}: ${v.text || "none"}`,
      onclick: () => open(v, button, changed),
    },
    v.problem && icon("warn"),
    h("span", null, v.problem ? v.text || "failed" : v.text || "None"),
    icon("down"),
  );
  return h("div", { class: "variable" }, label, button);
}

function open(v: Variable, button: HTMLElement, changed: () => void): void {
  const before = v.selected.join("\n"),
    list = h("div", { class: "options", role: "listbox", "aria-multiselectable": String(!!v.model.multi) });
  const filter = h("input", { type: "search", placeholder: "Search", "aria-label": `Search ${v.label}`, oninput: () => draw() });
  const draw = () => {
    const found = v.choices.filter((o) => o.text.toLowerCase().includes(filter.value.toLowerCase()));
    list.replaceChildren(
      ...found
        .slice(0, most)
        .map((o) =>
          h(
            "button",
            { role: "option", "aria-selected": String(v.selected.includes(o.value)), onclick: () => pick(o.value) },
            v.model.multi && h("i", { class: "box" }, v.selected.includes(o.value) && icon("check")),
            h("span", null, o.text),
          ),
        ),
      ...(found.length === 0
        ? [h("p", { class: "dim" }, v.problem || "Nothing found")]
        : found.length > most
          ? [h("p", { class: "dim" }, `and ${found.length - most} more`)]
          : []),
    );
  };
  const pick = (value: string) => {
    if (!v.model.multi) {
      v.selected = [value];
      close();
      return;
    }
    const every = v.model.includeAll && value === "$__all";
    const rest = v.selected.filter((s) => s !== value && s !== "$__all");
    v.selected = every ? [value] : v.selected.includes(value) && rest.length > 0 ? rest : [...rest, value];
    const at = [...list.children].indexOf(document.activeElement!);
    draw();
    (list.children[at] as HTMLElement | undefined)?.focus();
  };
  const panel = h("div", { class: "chooser" }, v.choices.length > 8 && filter, list);
  draw();
  const close = popup(button, panel, "left", () => {
    if (v.selected.join("\n") !== before) changed();
  });
  arrows(panel);
  (v.choices.length > 8 ? filter : (list.firstElementChild as HTMLElement | null))?.focus();
}
