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

/** Draw draws into the host, and returns what takes it down again. */
export type Draw = (d: Drawing) => () => void;

export const nothing = () => {};
