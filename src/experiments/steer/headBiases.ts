// What an edit of heads adds at the output of the attention's projection: W_o δ, δ being what it adds to the heads. The
// projection is linear, so that it is the difference of what leaves it with the edit and without, whatever passes.

import { modulePathOf } from '../../interventions/configuration/modulePaths.ts';
import type { Model } from '../../runtime/model.ts';
import type { Edit, Plan, Row } from '../../runtime/plan/plan.ts';
import { numbersText } from '../align/numbersText.ts';
import { floatsOf } from '../planRuns.ts';
import { editName } from './experiment.ts';
import { looseEdit, type PlacedEdit } from './placeEdits.ts';
import type { SteerResult } from './result.ts';

type Bias = SteerResult['biases'][number];

/** The component between the heads and the projection. */
const gathered = 'head_attention_value_output';
const tokens = [0];

/** The output of the projection that an edit's heads pass through, as honest LLaMA names it. */
function projectionOf({ architecture }: Model, layer: number): string | undefined {
  const path = modulePathOf(architecture, 'attention_value_output', layer);
  return path?.endsWith('.input') ? `${path.slice(0, -'.input'.length)}.output` : undefined;
}

/** Of edits that add to heads; none for models whose projection is not known to stand by itself. */
export async function headBiases(
  model: Model,
  placed: readonly PlacedEdit[],
  signal: AbortSignal | undefined,
): Promise<readonly Bias[]> {
  // A row of a model of two stacks needs a source, and nobody shares biases of one.
  if (model.architecture.encoder) return [];
  const adding = placed.filter(
    ({ edit: { map, keepNorm, whileBelow }, made }) =>
      made.vector.component === gathered && map.kind === 'add' && !keepNorm && whileBelow === undefined,
  );
  const wanted = adding.flatMap((own) =>
    [...new Set(own.sites.flatMap(({ layer }) => layer ?? []))].flatMap((layer) => {
      const module = projectionOf(model, layer);
      return module === undefined ? [] : [{ own, layer, module }];
    }),
  );
  if (wanted.length === 0) return [];
  const plain: Row = { start: { kind: 'tokens', tokens }, edits: [] };
  const rows = wanted.map(({ own, layer }): Row => {
    const edits = own.sites
      .filter((site) => site.layer === layer)
      .flatMap((site): Edit[] => {
        const { source, heads = [], fragment } = looseEdit(own, site, { kind: 'vector', factor: 1 });
        if (source?.kind !== 'vector') return [];
        const location = { positions: [0], heads };
        return [
          {
            site: { component: gathered, layer },
            location,
            fragment,
            source: { kind: 'tensor', data: source.data },
          },
        ];
      });
    return { ...plain, edits };
  });
  const plan: Plan = {
    rows: [plain, ...rows],
    reads: wanted.flatMap(({ layer }, at) =>
      [0, at + 1].map((row) => ({
        row,
        site: { component: 'attention_output', layer },
        location: { positions: [0] },
      })),
    ),
  };
  const results = (await model.run(plan, signal ? { signal } : {})).map(floatsOf);
  return wanted.map(({ own, layer, module }, at): Bias => {
    const [before, after] = [
      results[2 * at] ?? new Float32Array(),
      results[2 * at + 1] ?? new Float32Array(),
    ];
    const added = after.map((entry, index) => entry - (before[index] ?? 0));
    return { edit: editName(own.edit), layer, module, base64: numbersText(added, [added.length]).base64 };
  });
}
