// A trained adapter while a text is generated: the same formulas at the same positions as in its training. Where it acts on
// positions of the prompt alone, or of what an encoder reads, what comes after them follows from the states that it left; at `all`, each new token is
// edited as well.

import type { Architecture } from '../../architectures/architecture.ts';
import type { GenerationEdit } from '../../runtime/generation/request.ts';
import type { Edit } from '../../runtime/plan/plan.ts';
import { stackOf } from '../../runtime/plan/stacks.ts';
import { type NumbersText, numbersOfText } from '../align/numbersText.ts';
import { ExperimentError } from '../experimentFile.ts';
import type { ResolvedPrompt } from '../resolvedPrompt.ts';
import { lengthAt } from '../stackLayers.ts';
import {
  editedPositions,
  initialParameters,
  openAdapter,
  resolveAdapter,
  trainedParameters,
} from './adapter.ts';
import type { FinetuneAdapter } from './experiment.ts';
import type { FinetuneResult } from './result.ts';

/** An adapter with its numbers, as plain data. */
export interface TrainedText {
  readonly adapter: FinetuneAdapter;
  /** Where its numbers were trained. */
  readonly layers: readonly number[];
  /** By piece and name, as in a result. */
  readonly parameters: Readonly<Record<string, NumbersText>>;
}

/** An adapter of a result as far as it has been trained; null for one that has no numbers yet. */
export function trainedText(
  { experiment, adapters, layers }: FinetuneResult,
  index: number,
): TrainedText | null {
  const [adapter, own, at] = [experiment.adapters[index], adapters[index], layers[index]];
  if (!adapter || !own || !at || Object.keys(own.parameters).length === 0) return null;
  return { adapter, layers: at, parameters: own.parameters };
}

const isSameShape = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((size, at) => size === b[at]);

/**
 * @throws ExperimentError or PlanError for an adapter of another model, damaged numbers, or a prompt that is too short
 */
export function trainedEdits(
  architecture: Architecture,
  { adapter, layers, parameters }: TrainedText,
  prompt: Pick<ResolvedPrompt, 'start' | 'watched'>,
): readonly Edit[] {
  const resolved = resolveAdapter(architecture, { ...adapter, layers: [...layers] }, 0);
  const initial = initialParameters(resolved, 0);
  const wanted = Object.entries(trainedParameters(resolved, initial));
  const numbers = wanted.map(([name, { shape }]) => {
    const text = parameters[name];
    if (!text || !isSameShape(text.shape, shape))
      throw new ExperimentError(
        `The numbers of '${name}' have the shape [${text?.shape.join(', ') ?? ''}], and this model needs [${shape.join(', ')}]. They may belong to another model.`,
      );
    return [name, { data: numbersOfText(text, name), shape }] as const;
  });
  const length = lengthAt(architecture, prompt, adapter.component);
  const positions = editedPositions(resolved, length, length, prompt.watched);
  if (positions.first.length + positions.last.length === 0)
    throw new ExperimentError(
      'The prompt has 1 token, too few for an adapter that acts on first and last ones that differ. Write a longer prompt.',
    );
  const open = openAdapter(resolved, Object.fromEntries(numbers), initial, architecture);
  return open.editsOf(positions);
}

/** @throws ExperimentError or PlanError as `trainedEdits` does */
export function spokenEdits(
  architecture: Architecture,
  trained: TrainedText,
  prompt: Pick<ResolvedPrompt, 'start' | 'watched'>,
): readonly GenerationEdit[] {
  // What an encoder reads is read once, before the first step.
  const goesOn = stackOf(architecture, trained.adapter.component) === 'main';
  const isEverywhere = trained.adapter.positions === 'all' && goesOn;
  return trainedEdits(architecture, trained, prompt).map((edit): GenerationEdit => {
    const { site, location, fragment, source } = edit;
    return {
      site,
      at: isEverywhere ? { prompt: 'all', steps: 'all' } : { prompt: listed(location), steps: 'none' },
      fragment,
      ...(source?.kind === 'own' ? { source } : {}),
    };
  });
}

function listed({ positions }: Edit['location']): readonly number[] {
  if (positions === 'all') throw new Error('An adapter lists its positions.');
  return positions;
}
