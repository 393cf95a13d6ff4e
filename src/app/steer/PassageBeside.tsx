// What a model reads beside a text, under the text: what has been written of a target, the picture, the sound.

import { useLayoutEffect, useRef } from 'react';
import type { GivenFile } from '../../experiments/givenFile.ts';
import { TextField } from '../experiment/TextField.tsx';
import { FileDrop } from '../prompt/FileDrop.tsx';
import { givenProblem } from '../prompt/givenProblem.ts';
import { hasTarget } from '../prompt/hasTarget.ts';
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
        <TextField
          label={labelled(of, 'Target')}
          hint="What the model has written so far; it may be empty"
          problem={undefined}
          isText
          value={target ?? ''}
          onChange={(next) => change({ target: next }, 'target')}
        />
      )}
      {kinds.image && (
        <FileDrop
          label={labelled(of, 'Picture')}
          accept="image/png,image/jpeg"
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
          label={labelled(of, 'Sound')}
          accept="audio/wav,.wav"
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
