/** Page is what one address shows. */
export interface Page {
  element: HTMLElement;
  /** open fetches what the page needs; it rejects with what went wrong. */
  open(): Promise<void>;
  leave(): void;
  /** unsaved reports whether leaving would lose something. */
  unsaved?(): boolean;
}
