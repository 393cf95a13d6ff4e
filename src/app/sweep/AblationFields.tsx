// What takes an activation's place: what the other prompt has there, or an ablation, with the prompts that it is of.

import type { Ablation, PatchExperiment } from '../../experiments/patch/experiment.ts';
import { Choice } from '../experiment/Choice.tsx';
import { usePageOf } from '../experiment/pageContext.tsx';
import { type AblationName, type SweepDocument, withAblation } from './document.ts';
import { useTypeInto } from './hooks.ts';
import { isByLine, promptsNotation, wholeNotation } from './notations.ts';
import type { PatchTypes } from './page.ts';
import { Problem, SweepField } from './SweepField.tsx';

const seedNotation = wholeNotation('A seed', 'from 0 on, such as 1');
const samplesNotation = wholeNotation('The number of draws', 'prompts, such as 1');

const names: readonly (readonly [AblationName, string])[] = [
  ['none', 'The other prompt’s'],
  ['zero', 'Zero'],
  ['mean', 'Mean over prompts'],
  ['resample', 'A drawn prompt’s'],
];

function Prompts({ ablation }: { readonly ablation: Ablation & { readonly kind: 'mean' | 'resample' } }) {
  const type = useTypeInto(usePageOf<PatchTypes>('patch'));
  const { prompts } = ablation;
  if (!isByLine(prompts))
    return (
      <p className="mute small">
        Its {prompts.length} prompts are token ids or of several lines; they are changed in the file below.
      </p>
    );
  return (
    <div className="sweep-wide">
      <SweepField
        label="Prompts, one a line"
        hint={
          ablation.kind === 'mean'
            ? `${prompts.length} prompts. Of one length they give a mean at each position`
            : `${prompts.length} prompts, each as long as the clean ones`
        }
        name="ablation.prompts"
        rows={4}
        notation={promptsNotation}
        value={prompts}
        onText={(field, text, read) =>
          type(field, text, (own) => ({ ...own, ablation: { ...own.ablation, prompts: read() } }))
        }
      />
    </div>
  );
}

export function AblationFields({ document }: { readonly document: SweepDocument<PatchExperiment> }) {
  const page = usePageOf<PatchTypes>('patch');
  const type = useTypeInto(page);
  const { ablation } = document.experiment;
  return (
    <>
      <div>
        <Choice
          label="In its place"
          value={ablation?.kind ?? 'none'}
          choices={names}
          hint={
            ablation === undefined
              ? 'Default. What the other prompt has there'
              : 'An ablation of the clean prompt'
          }
          onChange={(name) => page.edit((own) => own && withAblation(own, name))}
        />
        <Problem name="ablation" />
      </div>
      {ablation?.kind === 'resample' && (
        <>
          <SweepField
            label="Draws for each pair"
            hint="Default 1; the figure shows their mean"
            name="ablation.samples"
            isNumber
            notation={samplesNotation}
            value={ablation.samples}
            onText={(field, text, read) =>
              type(field, text, (own) => ({ ...own, ablation: { ...own.ablation, samples: read() } }))
            }
          />
          <SweepField
            label="Seed"
            hint="Default 1, of NumPy’s RandomState"
            name="ablation.seed"
            isNumber
            notation={seedNotation}
            value={ablation.seed}
            onText={(field, text, read) =>
              type(field, text, (own) => ({ ...own, ablation: { ...own.ablation, seed: read() } }))
            }
          />
        </>
      )}
      {ablation !== undefined && ablation.kind !== 'zero' && <Prompts ablation={ablation} />}
    </>
  );
}
