// The keyboard along a row of chips.

/** Where a key leads along a row of `count` tokens, or null when it does not move. */
export function movePosition(position: number, count: number, key: string): number | null {
  const steps: Readonly<Record<string, number>> = {
    ArrowLeft: position - 1,
    ArrowUp: position - 1,
    ArrowRight: position + 1,
    ArrowDown: position + 1,
    PageUp: position - 10,
    PageDown: position + 10,
    Home: 0,
    End: count - 1,
  };
  const target = steps[key];
  return target === undefined ? null : Math.min(Math.max(target, 0), count - 1);
}
