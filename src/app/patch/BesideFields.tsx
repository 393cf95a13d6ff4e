// What a model reads beside the text of a prompt of the rack: the target with its tokens, the picture, the sound.

import { type GivenFile, isSameFile } from '../../experiments/givenFile.ts';
import type { ModelReads } from '../../worker/protocol.ts';
import type { Beside } from '../prompt/beside.ts';
import { ComparedChips } from '../prompt/ComparedChips.tsx';
import { FileDrop } from '../prompt/FileDrop.tsx';
import { givenProblem } from '../prompt/givenProblem.ts';
import { hasTarget } from '../prompt/hasTarget.ts';
import { TargetField } from '../prompt/TargetField.tsx';
import { useBench, useBenchState, useDocument } from './benchContext.tsx';
import { besideAt, sourceRun, withBeside } from './document.ts';
import { RackPicture } from './RackPicture.tsx';

interface BesideProps {
  /** Place of the prompt: the base, then the sources. */
  readonly index: number;
  readonly reads: ModelReads;
  /** In a sentence: `source 2`. */
  readonly run: string;
}

const noDifference = new Set<number>();

function Target({ index, run }: BesideProps) {
  const { page } = useBench();
  const { target = '' } = besideAt(useDocument(), index);
  const written = useBenchState((state) => state.readings[index]?.written ?? null);
  const next = useBenchState((state) => state.readings[index]?.prediction?.candidates[0] ?? null);
  return (
    <div className="rack-target">
      <TargetField
        label={`Target of the ${run}`}
        value={target}
        onChange={(next) => page.edit((own) => withBeside(own, index, { target: next }), `target ${index}`)}
      />
      {written !== null && (
        <ComparedChips label={`Target of the ${run}`} tokens={written} different={noDifference} next={next} />
      )}
    </div>
  );
}

/** The same picture or sound as another prompt has. */
function SameAs({ index, kind }: { readonly index: number; readonly kind: 'image' | 'sound' }) {
  const { page } = useBench();
  const document = useDocument();
  const other = index === 0 ? 1 : 0;
  const [own, theirs] = [besideAt(document, index)[kind], besideAt(document, other)[kind]];
  if (theirs === undefined || (own && isSameFile(own, theirs))) return null;
  return (
    <button
      type="button"
      className="button-plain small"
      onClick={() => page.edit((each) => withBeside(each, index, { [kind]: theirs }))}
    >
      {kind === 'sound' ? 'The same sound as the ' : 'The same picture as the '}
      {index === 0 ? 'source' : 'base'}
    </button>
  );
}

function Given({ index, reads, run }: BesideProps) {
  const { page } = useBench();
  const own: Beside = besideAt(useDocument(), index);
  const kind = reads.kind === 'sound' ? 'sound' : 'image';
  const given: GivenFile | undefined = own[kind];
  const problem = givenProblem(own, reads, 'The patch') ?? undefined;
  return (
    <FileDrop
      kind={kind}
      label={`${kind === 'sound' ? 'Sound' : 'Picture'} of the ${run}`}
      given={given ?? null}
      problem={problem}
      onGive={(next) => page.edit((each) => withBeside(each, index, { [kind]: next }))}
    >
      {reads.patches && given && 'data' in given && (
        <RackPicture
          data={given.data}
          reads={reads}
          patches={reads.patches}
          run={index === 0 ? 'base' : sourceRun(index - 1)}
          label={`The picture of the ${run}`}
        />
      )}
      <SameAs index={index} kind={kind} />
    </FileDrop>
  );
}

export function BesideFields(props: BesideProps) {
  const { reads } = props;
  return (
    <div className="fields read-beside rack-beside">
      {reads.kind !== 'text' && <Given {...props} />}
      {hasTarget(reads) && <Target {...props} />}
    </div>
  );
}
