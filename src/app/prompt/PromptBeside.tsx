// What a model reads beside a text, under the text: what has been written of a target, the picture, the sound.

import { useLayoutEffect, useRef } from 'react';
import type { ModelReads } from '../../worker/protocol.ts';
import type { Beside, BesideChange, PromptPart } from './beside.ts';
import { FileDrop } from './FileDrop.tsx';
import { hasTarget } from './hasTarget.ts';
import { SeenImage } from './SeenImage.tsx';
import { TargetField } from './TargetField.tsx';

export interface PromptBesideProps {
  readonly beside: Beside;
  /** The row that it stands in, which is another when it has changed. */
  readonly within?: object;
  /** Of the model in use; null where it reads one text, or there is none. */
  readonly reads: ModelReads | null;
  /** Begins what its fields are called, where several prompts have some: `Text 1 towards`. */
  readonly of?: string;
  readonly problems?: { readonly [Part in Exclude<PromptPart, 'prompt'>]?: string | undefined };
  readonly onChange: (change: BesideChange, field: Exclude<PromptPart, 'prompt'>) => void;
}

const files = [
  ['image', 'Picture'],
  ['sound', 'Sound'],
] as const;

const labelled = (of: string | undefined, what: string): string =>
  of === undefined ? what : `${of}, ${what.toLowerCase()}`;

const thumbnailHeight = 64;

function Thumbnail({ data, reads }: { readonly data: string; readonly reads: ModelReads | null }) {
  const { across, down } = reads?.patches ?? { across: 1, down: 1 };
  return (
    <span className="seen-thumbnail">
      <SeenImage
        data={data}
        picture={reads?.picture}
        width={Math.round((thumbnailHeight * across) / down)}
        height={thumbnailHeight}
      />
    </span>
  );
}

export function PromptBeside({ beside, within, reads, of, problems = {}, onChange }: PromptBesideProps) {
  const latest = useRef(onChange);
  useLayoutEffect(() => {
    latest.current = onChange;
  });
  // A file has been read for a while when it comes: what was changed meanwhile stays.
  const change: PromptBesideProps['onChange'] = (part, field) => latest.current(part, field);
  // What a file brings for another model stays in view, so that it can be taken away.
  const isRead = (kind: 'image' | 'sound') => reads?.kind === kind;
  const withTarget = hasTarget(reads) || beside.target !== undefined;
  const shown = files.filter(([kind]) => isRead(kind) || beside[kind] !== undefined);
  if (!withTarget && shown.length === 0) return null;
  return (
    <div className="fields read-beside">
      {withTarget && (
        <TargetField
          label={labelled(of, 'Target')}
          problem={problems.target}
          value={beside.target ?? ''}
          onChange={(target) => change({ target }, 'target')}
        />
      )}
      {shown.map(([kind, title]) => {
        const given = beside[kind];
        return (
          <FileDrop
            key={kind}
            kind={kind}
            label={labelled(of, title)}
            given={given ?? null}
            within={within}
            problem={problems[kind]}
            onGive={(next) => change({ [kind]: next }, kind)}
          >
            {kind === 'image' && given && 'data' in given && <Thumbnail data={given.data} reads={reads} />}
            {given !== undefined && !isRead(kind) && (
              <button
                type="button"
                className="button-plain"
                onClick={() => change({ [kind]: undefined }, kind)}
              >
                Take the {title.toLowerCase()} away
              </button>
            )}
          </FileDrop>
        );
      })}
    </div>
  );
}
