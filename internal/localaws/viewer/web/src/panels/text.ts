import { interpolate } from "../interpolate";
import { markdown, sanitized } from "../markdown";
import { h } from "../dom";
import { nothing, type Drawing } from "./drawing";

export function text(d: Drawing): () => void {
  const { mode = "markdown", content = "" } = d.panel.options ?? {};
  const filled = interpolate(String(content), d.scope);
  d.host.replaceChildren(h("div", { class: "prose" }, mode === "html" ? sanitized(filled) : mode === "code" ? h("pre", null, filled) : markdown(filled)));
  return nothing;
}
