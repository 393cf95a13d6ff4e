// States of the prompts that a hand moves cables between: kept by the model from one call to the next, so that a cable that
// is moved runs what lies behind it alone.

import type { KeptPrompts } from '../experiments/intervene/run.ts';
import { floatsOf, readLogits } from '../experiments/planRuns.ts';
import { finiteLogits } from '../experiments/predict.ts';
import { type KeptStates, statesBytes } from '../runtime/forward/keptStates.ts';
import type { Model } from '../runtime/model.ts';

/** Bytes of states that outlive a call: tens of prompts of a model of a hundred million parameters. */
const mostBytes = 64 * 2 ** 20;

interface Kept {
  readonly states: KeptStates;
  readonly logits: Float32Array;
}

export interface PromptShelf extends KeptPrompts {
  /** Between calls: let the prompts go that have not been used for longest, until the rest has room. */
  trim(): void;
}

const shelves = new WeakMap<Model, PromptShelf>();

/** The shelf of a model; what lies on it goes with the model. */
export function shelfOf(model: Model): PromptShelf {
  const known = shelves.get(model) ?? createShelf(model);
  shelves.set(model, known);
  return known;
}

export function createShelf(model: Model, roomBytes = mostBytes): PromptShelf {
  const { architecture } = model;
  /** The latest used last. */
  const held = new Map<string, Kept>();
  return {
    async of(tokens, position, signal) {
      const isTooLarge = statesBytes(architecture, tokens.length) > roomBytes;
      if (!model.keepsStates || isTooLarge) return undefined;
      const key = `${position} ${tokens}`;
      const found = held.get(key) ?? (await keep(model, tokens, position, signal));
      held.delete(key);
      held.set(key, found);
      return found;
    },
    trim() {
      let bytes = [...held.values()].reduce((sum, { states }) => sum + states.bytes, 0);
      for (const [key, { states }] of held) {
        if (bytes <= roomBytes) return;
        held.delete(key);
        bytes -= states.bytes;
        states.dispose();
      }
    },
  };
}

async function keep(
  model: Model,
  tokens: readonly number[],
  position: number,
  signal: AbortSignal | undefined,
): Promise<Kept> {
  const reads = [readLogits(0, position)];
  const { reads: found, states } = await model.keepStates(tokens, reads, signal ? { signal } : {});
  try {
    return { states, logits: finiteLogits(model, floatsOf(found[0])) };
  } catch (error) {
    states.dispose();
    throw error;
  }
}
