/** Page is what one address shows. */
export interface Page {
  element: HTMLElement;
  /** open fetches what the page needs; it rejects with what went wrong. */
  open(): Promise<void>;
  leave(): void;
  /** moved is called when the parameters of the address changed, but not its path. */
  moved?(): void;
  /** unsaved reports whether leaving would lose something. */
  unsaved?(): boolean;
}
