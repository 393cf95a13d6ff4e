// Runs in the page before its own scripts: notes when a reader first sees something, and presses Run as soon as it can
// be pressed. Must not refer to anything outside itself.

/** Milliseconds since the page was opened; null for what has not happened. */
export interface Seen {
  /** The stored figure is drawn. */
  figure: number | null;
  /** The model is there, and Run can be pressed. */
  canRun: number | null;
  /** Run was pressed. */
  pressed: number | null;
  /** The figure shows cells that took a run: those before the subject need none. */
  firstCells: number | null;
  /** The figure of the own run is whole. */
  whole: number | null;
}

export function watchPage(): void {
  const seen: Seen = {
    figure: null,
    canRun: null,
    pressed: null,
    firstCells: null,
    whole: null,
  };
  Object.assign(window, { seen });
  const run = () => document.querySelector('.run-line > .button:not([aria-disabled="true"])');
  const isStanding = (kind: string) =>
    document.querySelector(`.figure-card[data-standing="${kind}"] [role="gridcell"]`) !== null;
  const untouched = () => document.querySelectorAll('[role="gridcell"][aria-label*="not computed"]').length;
  let most = 0;
  const look = () => {
    const now = performance.now();
    if (seen.figure === null) {
      if (isStanding('stored')) seen.figure = now;
    } else if (seen.canRun === null) {
      const button = run();
      if (button instanceof HTMLElement && /^Run/.test(button.textContent)) {
        seen.canRun = now;
        seen.pressed = now;
        performance.mark('pressed');
        button.click();
      }
    } else if (isStanding('filling')) {
      const waiting = untouched();
      // First all wait, then all but those that need no run, then the others arrive.
      if (seen.firstCells === null) {
        const total = document.querySelectorAll('[role="gridcell"]').length;
        if (most > 0 && waiting < most) seen.firstCells = now;
        else if (waiting < total) most = Math.max(most, waiting);
      }
    } else if (seen.whole === null && isStanding('current')) {
      seen.whole = now;
      seen.firstCells ??= now;
    }
    if (seen.whole === null) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}
