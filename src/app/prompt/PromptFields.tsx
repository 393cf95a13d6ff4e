// A prompt of a form: the field of its text, where there is one, and under it what the model reads beside the text.

import type { ReactNode } from 'react';
import type { PromptPart } from './beside.ts';
import { PromptBeside, type PromptBesideProps } from './PromptBeside.tsx';

interface PromptFieldsProps extends Omit<PromptBesideProps, 'problems'> {
  readonly prompt: string;
  readonly problems: { readonly [Part in PromptPart]?: string | undefined };
  /** The field of the text, which says what is wrong with it. */
  readonly children: ReactNode;
}

export function PromptFields({ prompt, children, ...props }: PromptFieldsProps) {
  const { reads, problems } = props;
  // A text that the model does not read stays in view, so that it can be taken away.
  const hasText = !reads?.isAlone || prompt !== '';
  return (
    <>
      {hasText && children}
      {!hasText && problems.prompt !== undefined && <span className="field-problem">{problems.prompt}</span>}
      <PromptBeside {...props} />
    </>
  );
}
