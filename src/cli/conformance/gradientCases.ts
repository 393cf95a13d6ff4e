// Gradients against those that PyTorch's autograd gives: of a metric at every component of every layer, and of the
// rotation of distributed alignment search through the whole model.

import * as v from 'valibot';
import { CheckpointError } from '../../checkpoint/checkpoint.ts';
import { matMul } from '../../onnx/contraction.ts';
import { add, sub } from '../../onnx/elementwise.ts';
import { transpose } from '../../onnx/layout.ts';
import type { Place, Term } from '../../runtime/backward/objective.ts';
import { crossEntropy, weightedEntries } from '../../runtime/backward/objectives.ts';
import { type Fragment, type FragmentParameter, PlanError } from '../../runtime/plan/plan.ts';
import { type CaseContext, lastLogits, logits, referenceRows } from './caseContext.ts';
import { type Difference, difference, identical, worse } from './compare.ts';
import type { ReferenceCase } from './reference.ts';

const gradientSchema = v.looseObject({
  metric: v.picklist([
    'sum over batch of logits[:, -1, 7] - logits[:, -1, 11]',
    // A classifier has one position with logits.
    'sum over batch of logits[:, 7] - logits[:, 11]',
  ]),
});

/** `grad.LAYER.COMPONENT`, [rows, positions, width]: the gradient of the metric at every site. */
export async function compareGradients(
  { model, reference, tolerance }: CaseContext,
  description: ReferenceCase,
): Promise<Difference> {
  v.parse(gradientSchema, description);
  const base = await referenceRows({ model, reference }, 'base');
  const { layerCount, components } = model.architecture;
  const names = components.flatMap(({ name }) => (name === 'qkv_output' ? [name, 'qkv'] : [name]));
  const expected = names.flatMap((name) =>
    Array.from({ length: layerCount }, (_, layer) => ({
      name,
      layer,
      tensor: `grad.${layer}.${name}`,
    })).filter(({ tensor }) => reference.has(tensor)),
  );
  if (expected.length === 0) throw new CheckpointError('tensors.safetensors holds no gradient.');
  const terms = base.map((start, row): Term => {
    const pair = [
      { entry: 7, factor: 1 },
      { entry: 11, factor: -1 },
    ];
    return {
      row,
      site: logits,
      location: { positions: [lastLogits(model, start)] },
      ...weightedEntries([pair]),
    };
  });
  const at = expected.flatMap(({ name, layer }) =>
    base.map((_, row): Place => {
      // Fixtures name the fused projection `qkv`.
      const component = name === 'qkv' ? 'qkv_output' : name;
      return { row, site: { component, layer }, location: { positions: 'all' } };
    }),
  );
  const found = await model.gradients({ rows: base.map((start) => ({ start, edits: [] })), terms, at });
  let total = identical;
  for (const [index, { tensor }] of expected.entries()) {
    const { data } = await reference.tensor(tensor);
    const each = data.length / base.length;
    for (const row of base.keys()) {
      const part = data.subarray(row * each, (row + 1) * each);
      total = worse(total, difference(found.at[index * base.length + row]?.data ?? [], part, tolerance));
    }
  }
  return total;
}

/**
 * Swap what lies in the subspace that the columns of W span.
 *
 *     out = base + ((source - base) W) Wᵀ
 *
 * @see Geiger et al. 2024, "Finding Alignments Between Interpretable Causal Variables and Distributed Neural
 *      Representations", section 3
 */
const rotation = (parameters: Fragment['parameters']): Fragment => ({
  key: 'swap a rotated subspace',
  parameters,
  build: ({ base, source, parameter }) => {
    if (!source) throw new PlanError('A swap needs a source.');
    const weight = parameter('rotation');
    return add(base, matMul(matMul(sub(source, base), weight), transpose(weight, [1, 0])));
  },
});

const dasSchema = v.looseObject({
  layer: v.number(),
  component: v.string(),
  source_position: v.number(),
  base_position: v.number(),
  loss: v.picklist([
    'mean cross-entropy of logits[:, -1] against das.labels',
    'mean cross-entropy of logits against das.labels',
  ]),
  parameters: v.tuple([v.string()]),
  outputs: v.tuple([v.string(), v.string(), v.string()]),
});

/** Logits, loss, and the gradient of the loss with respect to the rotation. */
export async function compareRotation(
  { model, reference, tolerance }: CaseContext,
  description: ReferenceCase,
): Promise<Difference> {
  const { layer, component, source_position, base_position, ...rest } = v.parse(dasSchema, description);
  const [logitsName, lossName, gradientName] = rest.outputs;
  const base = await referenceRows({ model, reference }, 'base');
  const source = await referenceRows({ model, reference }, 'source');
  const { shape, data } = await reference.tensor(rest.parameters[0]);
  const { data: labels } = await reference.tensor('das.labels');
  const weight: FragmentParameter = { shape, data: Float32Array.from(data) };
  const parameters = { rotation: weight };
  const site = { component, layer };
  const edited = base.map((start, row) => ({
    start,
    edits: [
      {
        site,
        location: { positions: [base_position] },
        fragment: rotation(parameters),
        source: {
          kind: 'row' as const,
          row: base.length + row,
          site,
          location: { positions: [source_position] },
        },
      },
    ],
  }));
  const found = await model.gradients({
    rows: [...edited, ...source.map((start) => ({ start, edits: [] }))],
    reads: base.map((_, row) => ({ row, site: logits, location: { positions: 'all' } })),
    terms: base.map((start, row) => ({
      row,
      site: logits,
      location: { positions: [lastLogits(model, start)] },
      weight: 1 / base.length,
      ...crossEntropy([labels[row] ?? 0]),
    })),
    of: [parameters],
  });
  const joined = found.reads.flatMap(({ value }) => [...(value?.data ?? [])]);
  const compare = async (numbers: ArrayLike<number>, name: string) =>
    difference(numbers, (await reference.tensor(name)).data, tolerance);
  const differences = [
    await compare(joined, logitsName),
    await compare([found.objective], lossName),
    await compare(found.of[0]?.rotation?.data ?? [], gradientName),
  ];
  return differences.reduce(worse);
}
