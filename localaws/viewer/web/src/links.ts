// The links of a dashboard to others.

import * as api from "./api";
import { h, icon, menu, toast } from "./dom";
import { go } from "./app";
import type { Dashboard, Link } from "./model";
import type { Range } from "./time";
import type { Variables } from "./variables";

/** drawLinks are a dashboard's links to dashboards with some tags, each a menu of these. */
export function drawLinks({ links = [], uid }: Dashboard, variables: Variables, range: Range): HTMLElement[] {
  return links
    .filter((l) => l.type === "dashboards")
    .map((l) => {
      const button = h(
        "button",
        {
          "aria-haspopup": "menu",
          onclick: async () => {
            try {
              const others = tagged(await api.search(), l.tags ?? []).filter((hit) => hit.uid !== uid);
              menu(
                button,
                others.map((hit) => ({ label: hit.title, run: () => go(hit.url + following(l, variables, range)) })),
              );
            } catch (e) {
              toast((e as Error).message, true);
            }
          },
        },
        h("span", null, l.title || (l.tags ?? []).join(", ")),
        icon("down"),
      );
      return h("div", { class: "variable links" }, button);
    });
}

/** tagged are the dashboards that have all of the tags. */
export function tagged(all: api.Hit[], tags: string[]): api.Hit[] {
  return all.filter((hit) => hit.type === "dash-db" && tags.every((t) => hit.tags.includes(t)));
}

/** following is what an address keeps of this page: the time and the variables, where the link says so. */
export function following(link: Link, variables: Pick<Variables, "list">, range: Range): string {
  const kept = new URLSearchParams(link.keepTime ? { from: range.from, to: range.to } : {});
  if (link.includeVars) for (const v of variables.list) for (const value of v.selected) kept.append(`var-${v.name}`, value);
  return kept.size > 0 ? `?${kept}` : "";
}
