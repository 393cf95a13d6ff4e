// What a stored trace tells of its model and its prompt, for a page that has no model yet.

import type { TraceResult } from '../../experiments/trace/result.ts';
import type { TokenInfo } from '../../worker/protocol.ts';
import type { StandIn } from '../experiment/definition.ts';

/** Special tokens are not marked in a result: they are those whose text the prompt does not have. */
export function resultTokens({ tokens, experiment }: TraceResult): readonly TokenInfo[] {
  const prompt = typeof experiment.prompt === 'string' ? experiment.prompt : '';
  const [first, ...others] = tokens.map((token): TokenInfo => ({ ...token, isSpecial: false }));
  if (first === undefined) return [];
  const isAdded =
    first.text !== '' && !prompt.startsWith(first.text.trimStart()) && /^<.*>$/.test(first.text);
  return [{ ...first, isSpecial: isAdded }, ...others];
}

export function standIn(result: TraceResult): StandIn {
  const { experiment, layerCount } = result;
  const model = { label: experiment.model, layerCount, maxPositions: Number.POSITIVE_INFINITY };
  if (typeof experiment.prompt !== 'string' || result.input) return { model, prompts: [] };
  return { model, prompts: [{ text: experiment.prompt, tokens: resultTokens(result) }] };
}
