// The tokens of an example, with those that are taught and the positions that an adapter acts on marked. Where the model reads
// more than one text the adapter may act on what is read before it writes.

import type { DescribedExample } from '../../experiments/finetune/described.ts';
import { TokenText } from '../prompt/TokenText.tsx';

interface RowTokensProps {
  readonly described: DescribedExample;
  /** Whose positions are marked, among the adapters. */
  readonly marked: number;
}

interface ShownToken {
  readonly text: string;
  readonly position: number;
  readonly isTaught: boolean;
}

function Chips({
  tokens,
  acts,
  isAtMask,
}: {
  readonly tokens: readonly ShownToken[];
  readonly acts: ReadonlySet<number>;
  readonly isAtMask: boolean;
}) {
  return (
    <p className="align-chips tune-tokens">
      {tokens.map(({ text, position, isTaught }) => {
        // A mask has the position of what fills it.
        const isActed = acts.has(position);
        const words = [
          ...(isTaught && isAtMask ? ['taught at the mask'] : [`position ${position}`]),
          ...(isTaught && !isAtMask ? ['taught'] : []),
          ...(isActed ? ['the adapter acts here'] : []),
        ];
        return (
          <span
            key={position}
            className="chip mono"
            data-subject={isActed}
            data-taught={isTaught}
            title={words.join(', ')}
          >
            <TokenText text={text} />
            {isActed && <span className="visually-hidden"> (the adapter acts here)</span>}
          </span>
        );
      })}
    </p>
  );
}

/** `0, 35 and 36`, `0 to 36` */
function positionsText(positions: readonly number[]): string {
  const [first = 0, last = 0] = [positions[0], positions.at(-1)];
  if (positions.length === 1) return `position ${first}`;
  if (last - first === positions.length - 1) return `positions ${first} to ${last}`;
  return `positions ${positions.slice(0, 6).join(', ')}${positions.length > 6 ? ' …' : ''}`;
}

const nowhere: ReadonlySet<number> = new Set();

export function RowTokens({ described, marked }: RowTokensProps) {
  const { prompt, continuation, mask, source, acts, stacks } = described;
  const at = Math.min(marked, acts.length - 1);
  const positions = acts[at] ?? [];
  const stack = stacks[at] ?? 'main';
  const here = new Set(positions);
  const taught = continuation.map(({ text }, place) => ({
    text,
    position: prompt.length + place,
    isTaught: true,
  }));
  const given = prompt.map(({ text }, position) => ({ text, position, isTaught: false }));
  const read = source?.map(({ text }, position) => ({ text, position, isTaught: false }));
  // What should stand at a mask stands beside it.
  const behind = mask === null ? prompt.length : mask + 1;
  const isOfSource = stack === 'encoder' && read !== undefined;
  // A picture or a sound has positions and no tokens.
  const isOfFile = (stack !== 'main' && !isOfSource) || prompt.length === 0;
  return (
    <div className="tune-read">
      {read !== undefined && <Chips tokens={read} acts={isOfSource ? here : nowhere} isAtMask={false} />}
      {prompt.length > 0 && (
        <Chips
          tokens={[...given.slice(0, behind), ...taught, ...given.slice(behind)]}
          acts={stack === 'main' ? here : nowhere}
          isAtMask={mask !== null}
        />
      )}
      {isOfFile && positions.length > 0 && (
        <p className="mute small">The adapter acts at {positionsText(positions)} of what is read.</p>
      )}
    </div>
  );
}
