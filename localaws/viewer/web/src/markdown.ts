// Markdown, the part of it that dashboards use, and HTML with everything taken out
// that could do something. Both make elements; nothing of a text becomes markup.

import { h } from "./dom";

/** link is an address that may be followed; undefined for any other. */
function link(address: string): string | undefined {
  try {
    const url = new URL(address, location.href);
    return ["http:", "https:", "mailto:"].includes(url.protocol) ? address : undefined;
  } catch {
    return undefined;
  }
}

const marks = /`([^`]+)`|\*\*(.+?)\*\*|__(.+?)__|\*(.+?)\*|\b_(.+?)_\b|\[([^\]]+)\]\(([^)\s]+)\)|(https?:\/\/[^\s<>)]+)/;

function inline(text: string): (Node | string)[] {
  const out: (Node | string)[] = [];
  for (let m = marks.exec(text); m; m = marks.exec(text)) {
    if (m.index > 0) out.push(text.slice(0, m.index));
    if (m[1] !== undefined) out.push(h("code", null, m[1]));
    else if (m[2] ?? m[3]) out.push(h("strong", null, inline(m[2] ?? m[3])));
    else if (m[4] ?? m[5]) out.push(h("em", null, inline(m[4] ?? m[5])));
    else out.push(h("a", { href: link(m[7] ?? m[8]), rel: "noopener noreferrer", target: "_blank" }, m[6] ?? m[8]));
    text = text.slice(m.index + m[0].length);
  }
  if (text) out.push(text);
  return out;
}

/** markdown makes headings, paragraphs, lists, quotes, rules, code and tables. */
export function markdown(source: string): Node[] {
  const lines = source.replaceAll("\r", "").split("\n"),
    out: Node[] = [];
  const take = (like: RegExp): string[] => {
    const taken: string[] = [];
    while (lines.length > 0 && like.test(lines[0])) taken.push(lines.shift()!.replace(like, ""));
    return taken;
  };
  while (lines.length > 0) {
    const line = lines[0],
      heading = /^(#{1,6})\s+(.*)$/.exec(line);
    if (line.trim() === "") lines.shift();
    else if (heading) {
      out.push(h(`h${heading[1].length}` as "h1", null, inline(heading[2])));
      lines.shift();
    } else if (/^```/.test(line)) {
      lines.shift();
      const code: string[] = [];
      while (lines.length > 0 && !/^```/.test(lines[0])) code.push(lines.shift()!);
      lines.shift();
      out.push(h("pre", null, h("code", null, code.join("\n"))));
    } else if (/^(-{3,}|\*{3,})\s*$/.test(line)) {
      out.push(h("hr", null));
      lines.shift();
    } else if (/^>\s?/.test(line)) out.push(h("blockquote", null, markdown(take(/^>\s?/).join("\n"))));
    else if (/^\s*[-*+]\s+/.test(line))
      out.push(
        h(
          "ul",
          null,
          take(/^\s*[-*+]\s+/).map((item) => h("li", null, inline(item))),
        ),
      );
    else if (/^\s*\d+[.)]\s+/.test(line))
      out.push(
        h(
          "ol",
          null,
          take(/^\s*\d+[.)]\s+/).map((item) => h("li", null, inline(item))),
        ),
      );
    else if (/^\s*\|.*\|\s*$/.test(line) && /^\s*\|[\s:|-]+\|\s*$/.test(lines[1] ?? "")) out.push(tableOf(lines));
    else {
      const paragraph: string[] = [];
      do paragraph.push(lines.shift()!);
      while (lines.length > 0 && !/^\s*$|^#{1,6}\s|^```|^>|^\s*[-*+]\s|^\s*\d+[.)]\s/.test(lines[0]));
      out.push(h("p", null, inline(paragraph.join(" "))));
    }
  }
  return out;
}

function tableOf(lines: string[]): HTMLElement {
  const cells = (line: string) =>
    line
      .trim()
      .slice(1, -1)
      .split("|")
      .map((c) => inline(c.trim()));
  const head = cells(lines.shift()!),
    rows: (Node | string)[][][] = [];
  lines.shift();
  while (lines.length > 0 && /^\s*\|.*\|\s*$/.test(lines[0])) rows.push(cells(lines.shift()!));
  return h(
    "table",
    null,
    h(
      "thead",
      null,
      h(
        "tr",
        null,
        head.map((c) => h("th", null, c)),
      ),
    ),
    h(
      "tbody",
      null,
      rows.map((r) =>
        h(
          "tr",
          null,
          r.map((c) => h("td", null, c)),
        ),
      ),
    ),
  );
}

const allowed = new Set([
  "A",
  "B",
  "BR",
  "CODE",
  "DIV",
  "EM",
  "H1",
  "H2",
  "H3",
  "H4",
  "H5",
  "H6",
  "HR",
  "I",
  "LI",
  "OL",
  "P",
  "PRE",
  "SMALL",
  "SPAN",
  "STRONG",
  "TABLE",
  "TBODY",
  "TD",
  "TH",
  "THEAD",
  "TR",
  "U",
  "UL",
]);

/** sanitized keeps of HTML its harmless elements, links, and text. */
export function sanitized(html: string): Node[] {
  const copy = (node: Node): Node[] => {
    if (node instanceof Text) return [document.createTextNode(node.data)];
    if (!(node instanceof Element) || node.tagName === "SCRIPT" || node.tagName === "STYLE") return [];
    const inside = [...node.childNodes].flatMap(copy);
    if (!allowed.has(node.tagName)) return inside;
    const href = node.tagName === "A" ? link(node.getAttribute("href") ?? "") : undefined;
    return [h(node.tagName.toLowerCase() as "div", href ? { href, rel: "noopener noreferrer", target: "_blank" } : null, inside)];
  };
  return [...new DOMParser().parseFromString(html, "text/html").body.childNodes].flatMap(copy);
}
