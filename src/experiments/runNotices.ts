// What a run has to say of itself, whatever its kind: what it had to give up for want of memory, which stands among the notices
// of the result, and how far it is from float32. Both go on standing there when another run goes on with it.

import type { Model } from '../runtime/model.ts';
import type { AnyResult } from './kind.ts';
import type { Notice } from './notice.ts';
import type { Deviation } from './precision.ts';

const ofRuns: readonly string[] = ['less-memory'] satisfies readonly Notice['code'][];
const isOfRun = (notice: AnyResult['notices'][number]): notice is Notice => ofRuns.includes(notice.code);

/** @param earlier what it goes on with */
export function runNotices({ room }: Pick<Model, 'room'>, earlier: AnyResult | undefined): Notice[] {
  const now = room.notices.map((text): Notice => ({ code: 'less-memory', text }));
  const before = earlier?.notices.filter(isOfRun) ?? [];
  return [...before, ...now.filter(({ text }) => before.every((notice) => notice.text !== text))];
}

export interface NotesOfRun<Result> {
  readonly take: (notice: Notice) => void;
  readonly takeDeviation: (deviation: Deviation) => void;
  /** The result with what was taken, the same one as long as nothing has changed. */
  readonly on: (result: Result) => Result;
}

export function notesOfRun<Result extends AnyResult>(): NotesOfRun<Result> {
  let notices: readonly Notice[] = [];
  let deviation: Deviation | undefined;
  let last: { readonly of: Result; readonly result: Result } | undefined;
  return {
    take: (notice) => {
      if (notices.some(({ text }) => text === notice.text)) return;
      notices = [...notices, notice];
      last = undefined;
    },
    takeDeviation: (measured) => {
      deviation = measured;
      last = undefined;
    },
    on: (result) => {
      if (notices.length === 0 && !deviation) return result;
      if (last?.of !== result) {
        const missing = notices.filter(({ text }) => result.notices.every((notice) => notice.text !== text));
        const precision: Pick<AnyResult, 'precision'> = deviation
          ? { precision: { dtype: 'float16', deviation } }
          : {};
        last = {
          of: result,
          result: { ...result, ...precision, notices: [...result.notices, ...missing] },
        };
      }
      return last.result;
    },
  };
}
