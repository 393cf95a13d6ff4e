// What a model reads beside the prompts of a pair: what has been written of a target, the pictures with the part that is
// exchanged, the sounds.

import { useStore } from 'zustand';
import { inQuotes } from '../../experiments/figureWords.ts';
import type { Pair } from '../../experiments/pairs.ts';
import type { ModelReads } from '../../worker/protocol.ts';
import { FileDrop } from '../prompt/FileDrop.tsx';
import { hasTarget } from '../prompt/hasTarget.ts';
import { type Box, PatchGrid } from '../prompt/PatchGrid.tsx';
import { TargetField } from '../prompt/TargetField.tsx';
import { useWorkbench } from '../workbenchContext.tsx';
import { changedPair, hasCorrupted } from './document.ts';
import { useProblems, useSweepDocument, useSweepPage, useTypeInto } from './hooks.ts';
import { type Notation, secondsNotation } from './notations.ts';
import { SweepField } from './SweepField.tsx';

/** What the model in use reads beside a text; before there is one, what the pair brings. */
export function useReads(pair: Pair | undefined): ModelReads | null {
  const info = useStore(useWorkbench().model, (state) => state.info);
  if (info !== null) return info.reads ?? null;
  if (pair?.image) return { kind: 'image' };
  if (pair?.sound) return { kind: 'sound' };
  return pair?.target === undefined ? null : { kind: 'text' };
}

type PairChange = { readonly [Name in keyof Pair]?: Pair[Name] | undefined };

function useChange(at: number): (name: keyof Pair, change: PairChange, text?: string) => void {
  const type = useTypeInto(useSweepPage());
  return (name, change, text = '') =>
    type(`pairs.${at}.${name}`, text, (experiment) => changedPair(experiment, at, change));
}

interface BesideProps {
  readonly pair: Pair;
  readonly at: number;
}

/** Text as it stands; a target of token ids is written in brackets until something is typed. */
const targetText = (target: Pair['target']): string =>
  target === undefined || typeof target === 'string' ? (target ?? '') : '';

function Target({
  at,
  name,
  value,
  ...words
}: {
  readonly at: number;
  readonly name: 'target' | 'corruptedTarget';
  readonly label?: string;
  readonly hint?: string;
  readonly value: Pair['target'];
}) {
  const change = useChange(at);
  const problem = useProblems().get(`pairs.${at}.${name}`);
  return (
    <TargetField
      {...words}
      problem={problem}
      value={targetText(value)}
      placeholder={
        typeof value === 'object' ? `Tokens ${value.join(' ')}; what you type takes their place` : undefined
      }
      onChange={(next) => change(name, { [name]: next === '' ? undefined : next }, next)}
    />
  );
}

function Targets({ pair, at }: BesideProps) {
  const document = useSweepDocument(useSweepPage());
  return (
    <>
      <Target at={at} name="target" value={pair.target} />
      {document !== null && hasCorrupted(document.experiment) && (
        <Target
          at={at}
          name="corruptedTarget"
          label="Corrupted target"
          hint="As many tokens; empty is as the target"
          value={pair.corruptedTarget}
        />
      )}
    </>
  );
}

function Pictures({ pair, at, reads }: BesideProps & { readonly reads: ModelReads }) {
  const change = useChange(at);
  const problems = useProblems();
  const document = useSweepDocument(useSweepPage());
  const { image, corruptedImage, exchanged } = pair;
  const box: Box | null = exchanged && 'patches' in exchanged ? exchanged.patches : null;
  const hasSecond = document !== null && hasCorrupted(document.experiment);
  const mark = ([left, top, right, bottom]: Box) =>
    change('exchanged', { exchanged: { patches: [left, top, right, bottom] } });
  return (
    <>
      <FileDrop
        kind="image"
        label="Picture"
        given={image ?? null}
        problem={problems.get(`pairs.${at}.image`)}
        onGive={(given) => change('image', { image: given })}
      >
        {image && 'data' in image && reads.patches && hasSecond && corruptedImage && (
          <PatchGrid
            data={image.data}
            picture={reads.picture}
            patches={reads.patches}
            box={box}
            onMark={mark}
          />
        )}
      </FileDrop>
      {hasSecond && (
        <FileDrop
          kind="image"
          label="Corrupted picture"
          given={corruptedImage ?? null}
          problem={problems.get(`pairs.${at}.corruptedImage`) ?? problems.get(`pairs.${at}.exchanged`)}
          onGive={(given) => change('corruptedImage', { corruptedImage: given })}
        >
          {corruptedImage && (
            <span className="field-line">
              {box !== null && (
                <button
                  type="button"
                  className="button-plain"
                  onClick={() => change('exchanged', { exchanged: undefined })}
                >
                  All of it instead of the marked part
                </button>
              )}
              {!reads.isAlone && (
                <button
                  type="button"
                  className="button-plain"
                  onClick={() =>
                    change('corruptedImage', { corruptedImage: undefined, exchanged: undefined })
                  }
                >
                  The same picture in both
                </button>
              )}
            </span>
          )}
        </FileDrop>
      )}
    </>
  );
}

const partNotation: Notation<Pair['exchanged']> = {
  read: (text) => {
    const seconds = secondsNotation.read(text);
    return seconds && { seconds: [...seconds] };
  },
  write: (part) => secondsNotation.write(part && 'seconds' in part ? part.seconds : undefined),
};

function Sounds({ pair, at }: BesideProps) {
  const change = useChange(at);
  const type = useTypeInto(useSweepPage());
  const problems = useProblems();
  const document = useSweepDocument(useSweepPage());
  const { sound, corruptedSound, exchanged } = pair;
  return (
    <>
      <FileDrop
        kind="sound"
        label="Sound"
        given={sound ?? null}
        problem={problems.get(`pairs.${at}.sound`)}
        onGive={(given) => change('sound', { sound: given })}
      />
      {document !== null && hasCorrupted(document.experiment) && (
        <>
          <FileDrop
            kind="sound"
            label="Corrupted sound"
            given={corruptedSound ?? null}
            problem={problems.get(`pairs.${at}.corruptedSound`)}
            onGive={(given) => change('corruptedSound', { corruptedSound: given })}
          >
            {corruptedSound && (
              <button
                type="button"
                className="button-plain"
                onClick={() => change('corruptedSound', { corruptedSound: undefined, exchanged: undefined })}
              >
                The same sound in both
              </button>
            )}
          </FileDrop>
          {corruptedSound && (
            <SweepField
              label="Exchanged"
              hint={`Seconds that are ${inQuotes(corruptedSound && 'name' in corruptedSound ? corruptedSound.name : 'the other sound')}’s, such as 0.5-1.2; default all`}
              name={`pairs.${at}.exchanged`}
              placeholder="all"
              notation={partNotation}
              value={exchanged}
              onText={(field, text, read) =>
                type(field, text, (experiment) => changedPair(experiment, at, { exchanged: read() }))
              }
            />
          )}
        </>
      )}
    </>
  );
}

export function PairBeside({ pair, at }: BesideProps) {
  const reads = useReads(pair);
  if (reads === null) return null;
  return (
    <div className="fields read-beside">
      {hasTarget(reads) && <Targets pair={pair} at={at} />}
      {reads.kind === 'image' && <Pictures pair={pair} at={at} reads={reads} />}
      {reads.kind === 'sound' && <Sounds pair={pair} at={at} />}
    </div>
  );
}
