// Which layers rows pass, by the stacks of a model: a row of an encoder passes its own layers, and in those of its reader hands
// over what is read of it; a row that only changes the decoder leaves the encoder's alone. In a model of one stack they are
// its layers.

import type { Architecture, StackName } from '../architectures/architecture.ts';
import { describeComponent } from '../runtime/plan/sites.ts';
import { lengthOfStack, stackNamed, stackOf, stacksOf } from '../runtime/plan/stacks.ts';
import type { ResolvedPrompt } from './resolvedPrompt.ts';

/** Layers that have a component, counted in its own stack. */
export function layersWith(architecture: Architecture, component: string): readonly number[] {
  const { layers, place } = describeComponent(architecture, component);
  return layers ?? Array.from({ length: place?.count ?? architecture.layerCount }, (_, layer) => layer);
}

/** Positions that a prompt has at a component. */
export const lengthAt = (
  architecture: Architecture,
  { start }: Pick<ResolvedPrompt, 'start'>,
  component: string,
): number => lengthOfStack(architecture, start, stackOf(architecture, component));

/** Where rows fork that are edited: at the entrance of a layer, of those of all stacks, and in the first stack that is edited. */
export interface Fork {
  readonly layer: number;
  readonly stack: StackName;
}

/** Where a row of a prompt begins that forks from none. */
export const wholeFork = (architecture: Architecture): Fork => ({
  layer: 0,
  stack: stacksOf(architecture)[0]?.name ?? 'main',
});

/** The earlier of both in all: rows under edits of both fork there. */
export function earlierFork(architecture: Architecture, a: Fork, b: Fork): Fork {
  const stacks = stacksOf(architecture);
  const at = ({ stack }: Fork) => stacks.findIndex(({ name }) => name === stack);
  return { layer: Math.min(a.layer, b.layer), stack: at(a) <= at(b) ? a.stack : b.stack };
}

/** What a row passes of one stack. */
interface Passed {
  readonly stack: StackName;
  /** Of all layers, `to` excluded: those of its reader are among them. */
  readonly from: number;
  readonly to: number;
}

/** What a row passes from a fork on, stack by stack. */
function passedFrom(architecture: Architecture, { layer, stack }: Fork): readonly Passed[] {
  const stacks = stacksOf(architecture);
  const first = stacks.indexOf(stackNamed(architecture, stack));
  return stacks.slice(first).map(({ name, from, to }, at) => ({
    stack: name,
    from: Math.max(from, layer),
    to: stacks[first + at + 1]?.to ?? to,
  }));
}

/** Positions of a row in a stack: where they are given, layers are counted once for each of them. */
export type Lengths = (stack: StackName) => number;

const once: Lengths = () => 1;

/** Those of a prompt, of the decoder's from `position` on. */
export const lengthsOf =
  (architecture: Architecture, { start }: Pick<ResolvedPrompt, 'start'>, position = 0): Lengths =>
  (stack) =>
    lengthOfStack(architecture, start, stack) - (stack === 'main' ? position : 0);

/** Layers that a row passes from a fork on, in all stacks that it does not share with the row that it forks from. */
export const layersAfter = (architecture: Architecture, fork: Fork, lengths = once): number =>
  passedFrom(architecture, fork).reduce(
    (sum, { stack, from, to }) => sum + lengths(stack) * Math.max(0, to - from),
    0,
  );

/** Layers that a whole prompt passes. */
export const layersOfPrompt = (architecture: Architecture, lengths = once): number =>
  layersAfter(architecture, wholeFork(architecture), lengths);

/** Layers that a prompt passes up to a site, whose own is the last. */
export function layersUpTo(
  architecture: Architecture,
  { component, layer }: { readonly component: string; readonly layer: number },
  lengths = once,
): number {
  const from = describeComponent(architecture, component).place?.from ?? 0;
  const end = from + layer + 1;
  return passedFrom(architecture, wholeFork(architecture)).reduce(
    (sum, { stack, from, to }) => sum + lengths(stack) * Math.max(0, Math.min(to, end) - from),
    0,
  );
}

/** Bytes of the states with which a row enters its layers from a fork on. @param position of the decoder from which it forks */
export function enteringBytes(
  architecture: Architecture,
  { start }: Pick<ResolvedPrompt, 'start'>,
  fork: Fork,
  position: number,
): number {
  const lengths = lengthsOf(architecture, { start }, position);
  return passedFrom(architecture, fork).reduce(
    (sum, { stack, from, to }) =>
      sum + 4 * stackNamed(architecture, stack).width * lengths(stack) * (Math.max(0, to - from) + 1),
    0,
  );
}
