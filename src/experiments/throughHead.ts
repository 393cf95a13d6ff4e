// The logit lens: vectors of the residual stream read as if they left the last layer.

import type { Model } from '../runtime/model.ts';
import { type Read, type Row, type RowStart, replace } from '../runtime/plan/plan.ts';
import { describeComponent } from '../runtime/plan/sites.ts';
import { floatsOf } from './planRuns.ts';

/** Whose vectors are of the residual stream: what passes there, is read from it, or is added to it. */
const ofStream =
  /^(embedding_output|(cross_)?block_input|block_middle|block_output|((cross_)?attention|mlp|mixer)_(input|output)|expert_output)$/;

const logitsSite = { component: 'logits', layer: null };

/**
 * What the model's final norm and unembedding make of vectors of the residual stream, each by itself.
 * @param component whose vectors they are
 * @param shape [..., width]
 * @param start of any row that the model takes; what it is changes nothing
 * @returns logits over the vocabulary for each vector; none where the vectors are not of the stream: those of a head, or of
 *          neurons, may be as wide and mean something else
 */
export async function readThroughHead(
  model: Model,
  component: string,
  { shape, data }: { readonly shape: readonly number[]; readonly data: Float32Array },
  start: RowStart,
  signal: AbortSignal | undefined,
): Promise<readonly Float32Array[]> {
  const { width, layerCount } = model.architecture;
  if (!ofStream.test(component) || shape.at(-1) !== width || layerCount === 0) return [];
  const { place } = describeComponent(model.architecture, 'block_output');
  const site = { component: 'block_output', layer: (place?.count ?? layerCount) - 1 };
  const location = { positions: [0] };
  const short = start.kind === 'tokens' ? { ...start, tokens: start.tokens.slice(0, 1) } : start;
  const parent: Row = { start: short, edits: [] };
  const rows = Array.from({ length: data.length / width }, (_, unit): Row => {
    const source = { kind: 'tensor', data: data.slice(unit * width, (unit + 1) * width) } as const;
    return {
      start: { kind: 'fork', parent: 0, layer: layerCount - 1, position: 0 },
      edits: [{ site, location, fragment: replace, source }],
    };
  });
  const reads = rows.map((_, row): Read => ({ row: row + 1, site: logitsSite, location }));
  return (await model.run({ rows: [parent, ...rows], reads }, signal ? { signal } : {})).map(floatsOf);
}
