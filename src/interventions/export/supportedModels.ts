// For which model types each tool's programs and files are written: those with which the tests run them. A tool says so for
// itself, whatever another can do.

import type { Architecture } from '../../architectures/architecture.ts';
import { modelModules } from '../configuration/moduleTables.ts';
import { hasPyveneTables } from './pyveneModels.ts';

export interface Support {
  readonly tool: string;
  readonly models: (modelType: string) => boolean;
}

const among =
  (...types: readonly string[]): Support['models'] =>
  (modelType) =>
    types.includes(modelType);

export const support = {
  /** Programs of interventions tell pyvene the modules of a model, so they need those alone. */
  pyvene: { tool: 'pyvene', models: (modelType) => modelModules(modelType) !== undefined },
  /** Programs that steer name pyvene's own components, as its tables have them. */
  steeringPyvene: { tool: 'pyvene', models: hasPyveneTables },
  nnsight: { tool: 'nnsight', models: among('gpt2', 'gpt_neox', 'llama', 'mistral', 'qwen2') },
  transformerLens: {
    tool: 'TransformerLens',
    models: among('gpt2', 'gpt_neox', 'llama', 'mistral', 'qwen2'),
  },
  /** Adapters by the names of their modules. */
  peft: { tool: 'PEFT', models: among('gpt2', 'gpt_neox', 'llama', 'mistral', 'qwen2') },
} as const satisfies Readonly<Record<string, Support>>;

/** Why there is no program for a tool; undefined for the models whose programs the tests run. */
export function untriedModel(
  { tool, models }: Support,
  { modelType }: Pick<Architecture, 'modelType'>,
): string | undefined {
  return models(modelType)
    ? undefined
    : `Programs for ${tool} have not been tried with models of type '${modelType}'.`;
}
