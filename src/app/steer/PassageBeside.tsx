// What a model reads beside a text of a steering, under the text.

import type { GivenFile } from '../../experiments/givenFile.ts';
import { givenProblem } from '../prompt/givenProblem.ts';
import { PromptBeside } from '../prompt/PromptBeside.tsx';
import { useModel } from '../workbenchContext.tsx';
import type { BesidePassage, Passage } from './document.ts';
import { besideOf, isChatPassage, withPart } from './passage.ts';

interface PassageBesideProps {
  readonly passage: Passage;
  /** Begins what its fields are called, where several texts have some: `Text 1 towards`. */
  readonly of?: string;
  readonly onChange: (passage: string | BesidePassage, field: string) => void;
}

export function PassageBeside({ passage, of, onChange }: PassageBesideProps) {
  const reads = useModel((state) => state.info?.reads ?? null);
  if (isChatPassage(passage)) return null;
  const beside = besideOf(passage);
  const { image, sound } = beside;
  const problemOf = (given: GivenFile | undefined) =>
    (given && givenProblem({ image, sound }, reads, 'The steering')) ?? undefined;
  return (
    <PromptBeside
      beside={beside}
      reads={reads}
      {...(of === undefined ? {} : { of })}
      problems={{ image: problemOf(image), sound: problemOf(sound) }}
      onChange={(change, field) => onChange(withPart(passage, change), field)}
    />
  );
}
