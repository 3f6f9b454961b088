import { interpolate } from "../interpolate";
import { markdown, sanitized } from "../markdown";
import { h } from "../dom";
import { still, type Drawing, type Drawn } from "./drawing";

export function text(d: Drawing): Drawn {
  const { mode = "markdown", content = "" } = d.panel.options ?? {};
  const filled = interpolate(String(content), d.scope);
  d.host.replaceChildren(
    h("div", { class: "prose" }, mode === "html" ? sanitized(filled) : mode === "code" ? h("pre", null, filled) : markdown(filled)),
  );
  return still;
}
