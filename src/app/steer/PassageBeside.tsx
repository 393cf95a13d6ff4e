// What a model reads beside a text, under the text: what has been written of a target, the picture, the sound.

import { useLayoutEffect, useRef } from 'react';
import type { GivenFile } from '../../experiments/givenFile.ts';
import { FileDrop } from '../prompt/FileDrop.tsx';
import { givenProblem } from '../prompt/givenProblem.ts';
import { hasTarget } from '../prompt/hasTarget.ts';
import { TargetField } from '../prompt/TargetField.tsx';
import { useModel } from '../workbenchContext.tsx';
import type { BesidePassage, Passage } from './document.ts';
import { besideOf, isChatPassage, type TextChange, withPart } from './passage.ts';

interface PassageBesideProps {
  readonly passage: Passage;
  /** Begins what its fields are called, where several texts have some: `Text 1 towards`. */
  readonly of?: string;
  readonly onChange: (passage: string | BesidePassage, field: string) => void;
}

const labelled = (of: string | undefined, what: string): string =>
  of === undefined ? what : `${of}, ${what.toLowerCase()}`;

export function PassageBeside({ passage, of, onChange }: PassageBesideProps) {
  const reads = useModel((state) => state.info?.reads ?? null);
  const { target, image, sound } = besideOf(passage);
  const latest = useRef({ passage, onChange });
  useLayoutEffect(() => {
    latest.current = { passage, onChange };
  });
  if (isChatPassage(passage)) return null;
  const change = (part: TextChange, field: string) => {
    // A file has been read for a while when it comes: what was changed meanwhile stays.
    const { passage: own, onChange: tell } = latest.current;
    if (!isChatPassage(own)) tell(withPart(own, part), field);
  };
  // What a file brings for another model stays in view, so that it can be taken away.
  const kinds = {
    target: hasTarget(reads) || target !== undefined,
    image: reads?.kind === 'image' || image !== undefined,
    sound: reads?.kind === 'sound' || sound !== undefined,
  };
  if (!Object.values(kinds).some(Boolean)) return null;
  const problemOf = (given: GivenFile | undefined) =>
    (given && givenProblem({ image, sound }, reads, 'The steering')) ?? undefined;
  return (
    <div className="fields read-beside">
      {kinds.target && (
        <TargetField
          label={labelled(of, 'Target')}
          value={target ?? ''}
          onChange={(next) => change({ target: next }, 'target')}
        />
      )}
      {kinds.image && (
        <FileDrop
          kind="image"
          label={labelled(of, 'Picture')}
          given={image ?? null}
          problem={problemOf(image)}
          onGive={(given) => change({ image: given }, 'image')}
        >
          {image !== undefined && reads?.kind !== 'image' && (
            <button
              type="button"
              className="button-plain"
              onClick={() => change({ image: undefined }, 'image')}
            >
              Take the picture away
            </button>
          )}
        </FileDrop>
      )}
      {kinds.sound && (
        <FileDrop
          kind="sound"
          label={labelled(of, 'Sound')}
          given={sound ?? null}
          problem={problemOf(sound)}
          onGive={(given) => change({ sound: given }, 'sound')}
        >
          {sound !== undefined && reads?.kind !== 'sound' && (
            <button
              type="button"
              className="button-plain"
              onClick={() => change({ sound: undefined }, 'sound')}
            >
              Take the sound away
            </button>
          )}
        </FileDrop>
      )}
    </div>
  );
}
