// What every kind of panel is given to draw with.

import type { Frame } from "../frames";
import type { Scope } from "../interpolate";
import type { Panel } from "../model";
import type { Span } from "../time";

export interface Drawing {
  host: HTMLElement;
  panel: Panel;
  frames: Frame[];
  span: Span;
  scope: Scope;
  /** sync names the charts whose crosshairs move together; "" for none. */
  sync: string;
  /** zoom is called with a part of the time that was dragged over. */
  zoom: (from: number, to: number) => void;
}

/** Drawn is a panel that is drawn. */
export interface Drawn {
  destroy(): void;
  /** update shows newer data in the same drawing, so that the pointer, a selection
   * and an order stay; false when the panel has to be drawn anew. */
  update?(d: Drawing): boolean;
}

/** Draw draws into the host. */
export type Draw = (d: Drawing) => Drawn;

export const still: Drawn = { destroy() {} };
