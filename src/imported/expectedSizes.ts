// How much tensors hold before anything is computed: each axis by what it was seen to grow with. An outer product of long inputs is
// thousands of millions of numbers, which nothing here takes out of a model.

import { quoted } from '../messages/wording.ts';
import { SiteError } from './plan.ts';
import type { Probe } from './probe.ts';
import type { NamedTensors } from './runtime.ts';
import { bytesPerElement } from './tensor.ts';

/** Numbers of one tensor at most. */
export const mostNumbers = 2 ** 28;

/** `12*batch`, `0.5*width+2`, `sequence+past`: the size at some sizes of what it grows with; undefined where one is not known. */
function grownSize(role: string, sizes: ReadonlyMap<string, number>): number | undefined {
  // A sign within a factor or a rest belongs to it.
  const terms = role
    .split(/\+|(?=-)/)
    .map((term) => term.split('*').map((factor) => sizes.get(factor) ?? Number(factor)));
  const sum = terms.reduce(
    (total, factors) => total + factors.reduce((product, factor) => product * factor, 1),
    0,
  );
  return Number.isFinite(sum) ? sum : undefined;
}

/** Sizes of what axes grow with, as a row's inputs have them. */
function sizesIn({ groups }: Probe, inputs: NamedTensors): ReadonlyMap<string, number> {
  return new Map(
    groups.flatMap(({ name, axes }) => {
      const [first] = axes;
      const size = first && inputs[first.input]?.shape[first.axis];
      return size === undefined ? [] : [[name, size] as const];
    }),
  );
}

/**
 * @param names resolved ones, of tensors that are to be taken out of the model whole, or measured
 * @throws SiteError for one that is too large at these sizes
 */
export function requireHandable(probe: Probe, names: Iterable<string>, inputs: NamedTensors): void {
  const sizes = sizesIn(probe, inputs);
  for (const name of names) {
    const facts = probe.tensors.get(name);
    if (!facts) continue;
    const shape = facts.shape.map((size, axis) => {
      const role = facts.roles[axis];
      return role ? (grownSize(role, sizes) ?? size) : size;
    });
    const count = shape.reduce((product, size) => product * size, 1);
    if (count <= mostNumbers) continue;
    const gigabytes = ((count * bytesPerElement(facts.dtype)) / 1e9).toFixed(1);
    throw new SiteError(
      `${quoted(name)} would hold ${Math.round(count).toLocaleString('en')} numbers (${gigabytes} GB) with these inputs, [${shape.join(', ')}]; more than ${mostNumbers.toLocaleString('en')} are not taken out of a model at once. Give shorter inputs, or name another tensor.`,
    );
  }
}
