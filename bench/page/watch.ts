// Runs in the page before its own scripts: notes when a reader first sees something, and presses Run as soon as it can be
// pressed, and once more when that run is over. Must not refer to anything outside itself.

/** Milliseconds since the page was opened; null for what has not happened. */
export interface SeenRun {
  readonly pressed: number;
  /** The figure shows cells that took a run: those before the subject need none. */
  firstCells: number | null;
  /** The figure is whole. */
  whole: number | null;
}

export interface Seen {
  /** The stored figure is drawn. */
  figure: number | null;
  /** The first when the model has just come, with the runtime's program hardly compiled; the second after it. */
  readonly runs: SeenRun[];
}

export function watchPage(): void {
  const seen: Seen = { figure: null, runs: [] };
  Object.assign(window, { seen });
  const isStanding = (kind: string) =>
    document.querySelector(`.figure-card[data-standing="${kind}"] [role="gridcell"]`) !== null;
  let most = 0;
  const press = () => {
    const button = document.querySelector('.run-line > .button:not([aria-disabled="true"])');
    if (!(button instanceof HTMLElement) || !/^Run/.test(button.textContent)) return;
    most = 0;
    seen.runs.push({ pressed: performance.now(), firstCells: null, whole: null });
    performance.mark('pressed');
    button.click();
  };
  const follow = (run: SeenRun) => {
    const now = performance.now();
    if (isStanding('filling')) {
      if (run.firstCells !== null) return;
      const all = document.querySelectorAll('[role="gridcell"]').length;
      const waiting = document.querySelectorAll('[role="gridcell"][aria-label*="not computed"]').length;
      // First all wait, then all but those that need no run, then the others arrive.
      if (most > 0 && waiting < most) run.firstCells = now;
      else if (waiting < all) most = Math.max(most, waiting);
    } else if (isStanding('current')) {
      run.firstCells ??= now;
      run.whole = now;
    }
  };
  const look = () => {
    const run = seen.runs.at(-1);
    if (seen.figure === null) {
      if (isStanding('stored')) seen.figure = performance.now();
    } else if (run === undefined || (run.whole !== null && seen.runs.length < 2)) press();
    else follow(run);
    if (seen.runs[1]?.whole == null) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}
