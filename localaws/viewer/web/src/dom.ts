// Building blocks of the pages: elements, and the few icons there are.

type Child = Node | string | number | null | undefined | false | Child[];
type Properties = { [name: string]: unknown };

/** h makes an element. Properties named on… are listeners; class, style (an
 * object), dataset and aria-… mean what they do in HTML. Text is never parsed. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Properties | null,
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  set(element, properties ?? {});
  append(element, children);
  return element;
}

/** s makes an SVG element. */
export function s(tag: string, properties: Properties, ...children: Child[]): SVGElement {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "style") Object.assign(element.style, value);
    else if (value !== undefined) element.setAttribute(name, String(value));
  }
  append(element, children);
  return element;
}

function set(element: HTMLElement, properties: Properties): void {
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value as EventListener);
    else if (name === "style") Object.assign(element.style, value);
    else if (name === "dataset") Object.assign(element.dataset, value);
    else if (name === "value") (element as HTMLInputElement).value = String(value);
    else element.setAttribute(name === "class" ? "class" : name, value === true ? "" : String(value));
  }
}

function append(element: Element, children: Child[]): void {
  for (const child of children) {
    if (child === null || child === undefined || child === false || child === "") continue;
    if (Array.isArray(child)) append(element, child);
    else element.append(child instanceof Node ? child : String(child));
  }
}

/** fill replaces what an element has. */
export function fill(element: Element, ...children: Child[]): void {
  element.replaceChildren();
  append(element, children);
}

const paths = {
  dashboards: "M4 4h7v7H4zM13 4h7v4h-7zM13 10h7v10h-7zM4 13h7v7H4z",
  explore: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM15.5 8.5l-2 5-5 2 2-5z",
  sources: "M5 6c0-1.7 3.1-3 7-3s7 1.3 7 3-3.1 3-7 3-7-1.3-7-3zM5 6v6c0 1.7 3.1 3 7 3s7-1.3 7-3V6M5 12v6c0 1.7 3.1 3 7 3s7-1.3 7-3v-6",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v3M12 19v3M2 12h3M19 12h3M4.9 4.9l2.1 2.1M17 17l2.1 2.1M4.9 19.1L7 17M17 7l2.1-2.1",
  mail: "M3 6h18v12H3zM3 7l9 7 9-7",
  out: "M14 4h5v16h-5M10 8l-4 4 4 4M6 12h10",
  refresh: "M20 12a8 8 0 1 1-2.3-5.7M20 3v5h-5",
  clock: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 7v5l3 2",
  search: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5L20 20",
  plus: "M12 5v14M5 12h14",
  down: "M6 9l6 6 6-6",
  right: "M9 6l6 6-6 6",
  left: "M15 6l-6 6 6 6",
  folder: "M3 6h6l2 2h10v11H3z",
  more: "M12 5.5v.01M12 12v.01M12 18.5v.01",
  close: "M6 6l12 12M18 6L6 18",
  zoomout: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5L20 20M7.5 10.5h6",
  warn: "M12 4l9 16H3zM12 10v4M12 17v.01",
  info: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 11v5M12 8v.01",
  check: "M5 12.5l4.5 4.5L19 7.5",
  menu: "M4 7h16M4 12h16M4 17h16",
  share: "M9 15l6-6M11 6l1.5-1.5a4 4 0 0 1 6 6L17 12M7 12l-1.5 1.5a4 4 0 0 0 6 6L13 18",
  save: "M5 4h11l3 3v13H5zM8 4v5h7V4M8 20v-6h8v6",
  json: "M8 4c-3 0-3 2-3 4s0 3-2 4c2 1 2 2 2 4s0 4 3 4M16 4c3 0 3 2 3 4s0 3 2 4c-2 1-2 2-2 4s0 4-3 4",
} as const;

/** icon is a line drawing, silent to screen readers. */
export function icon(name: keyof typeof paths): SVGElement {
  return s("svg", { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true" }, s("path", { d: paths[name] }));
}

/** popup opens content below a button, until a click elsewhere or Escape. The
 * function that it returns closes it; closed is called once it is. */
export function popup(anchor: HTMLElement, content: HTMLElement, align: "left" | "right" = "left", closed = () => {}): () => void {
  const close = () => {
    if (!content.isConnected) return;
    content.remove();
    closed();
    document.removeEventListener("pointerdown", outside, true);
    document.removeEventListener("keydown", escape, true);
    anchor.setAttribute("aria-expanded", "false");
  };
  const outside = (e: Event) => {
    if (!content.contains(e.target as Node) && !anchor.contains(e.target as Node)) close();
  };
  const escape = (e: KeyboardEvent) => {
    if (e.key !== "Escape") return;
    e.stopPropagation();
    close();
    anchor.focus();
  };
  content.classList.add("popup");
  document.body.append(content);
  const box = anchor.getBoundingClientRect();
  const width = content.offsetWidth;
  const left = align === "left" ? box.left : box.right - width;
  content.style.left = `${Math.max(8, Math.min(left, innerWidth - width - 8)) + scrollX}px`;
  content.style.top = `${box.bottom + 4 + scrollY}px`;
  anchor.setAttribute("aria-expanded", "true");
  document.addEventListener("pointerdown", outside, true);
  document.addEventListener("keydown", escape, true);
  return close;
}

/** menu opens a list of actions below a button. */
export function menu(anchor: HTMLElement, items: { label: string; run: () => void; danger?: boolean }[]): void {
  const list = h(
    "div",
    { role: "menu", class: "menu" },
    items.map((item) =>
      h(
        "button",
        {
          role: "menuitem",
          class: item.danger ? "danger" : "",
          onclick: () => {
            close();
            item.run();
          },
        },
        item.label,
      ),
    ),
  );
  const close = popup(anchor, list, "right");
  (list.firstElementChild as HTMLElement | null)?.focus();
  arrows(list);
}

/** arrows lets the arrow keys go through the buttons of a list. */
export function arrows(list: HTMLElement): void {
  list.addEventListener("keydown", (e) => {
    const buttons = [...list.querySelectorAll<HTMLElement>("button, input")];
    const at = buttons.indexOf(document.activeElement as HTMLElement);
    const step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
    if (!step) return;
    e.preventDefault();
    buttons[(at + step + buttons.length) % buttons.length]?.focus();
  });
}

/** dialog shows something above the page until it is closed. */
export function dialog(title: string, body: HTMLElement): HTMLDialogElement {
  const d = h(
    "dialog",
    { class: "dialog", "aria-label": title },
    h(
      "header",
      null,
      h("h2", null, title),
      h("button", { class: "plain", "aria-label": "Close", onclick: () => d.close() }, icon("close")),
    ),
    body,
  );
  d.addEventListener("close", () => d.remove());
  document.body.append(d);
  d.showModal();
  return d;
}

/** toast tells something for a moment. */
export function toast(text: string, bad = false): void {
  const t = h("div", { class: bad ? "toast bad" : "toast", role: "status" }, icon(bad ? "warn" : "check"), text);
  const tops = [...document.querySelectorAll(".toast")].map((o) => innerHeight - o.getBoundingClientRect().top);
  t.style.bottom = `${Math.max(8, ...tops) + 8}px`; // above those that are still there
  document.body.append(t);
  setTimeout(() => t.remove(), bad ? 8000 : 3000);
}
