// Something that is shown at once, and then again at most every so often, however fast its causes come.

const everyMs = 120;

export interface Throttled {
  /** Show now, or as soon as the pause since the last time is over. */
  readonly soon: () => void;
  /** Show what is still waiting, without a pause. */
  readonly now: () => void;
  /** Forget what is still waiting. */
  readonly drop: () => void;
}

export function throttled(show: () => void): Throttled {
  let last = Number.NEGATIVE_INFINITY;
  let timer: ReturnType<typeof setTimeout> | null = null;
  const drop = () => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
  };
  const go = () => {
    drop();
    last = performance.now();
    show();
  };
  return {
    soon: () => {
      if (timer !== null) return;
      const left = last + everyMs - performance.now();
      if (left <= 0) go();
      else timer = setTimeout(go, left);
    },
    now: () => {
      if (timer !== null) go();
    },
    drop,
  };
}
