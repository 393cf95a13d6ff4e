// Choices that outlive the page. Storage may be forbidden or full; then a choice lasts as long as the page does.

export type Memory = Pick<Storage, 'getItem' | 'setItem'>;

/** @returns what was remembered under `key` when it is still one of `choices`, else `fallback` */
export function readChoice<Choice extends string>(
  memory: Memory,
  key: string,
  choices: readonly Choice[],
  fallback: Choice,
): Choice {
  try {
    const remembered = memory.getItem(key);
    return choices.find((choice) => choice === remembered) ?? fallback;
  } catch {
    return fallback;
  }
}

export function writeChoice(memory: Memory, key: string, choice: string): void {
  try {
    memory.setItem(key, choice);
  } catch {
    // Nothing is lost but the memory of a preference.
  }
}

/** The browser's storage; where even naming it throws, a memory that forgets. */
export function browserMemory(): Memory {
  try {
    return window.localStorage;
  } catch {
    return { getItem: () => null, setItem: () => {} };
  }
}
