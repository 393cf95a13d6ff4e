// An adapter on a model: the interventions that it is made of, one for each layer and, where the first positions and the
// last have weights of their own, two; what each is trained from, and where it acts in an example.

import type { Architecture } from '../../architectures/architecture.ts';
import { moduleInput } from '../../interventions/configuration/modules.ts';
import { fragmentOf, type InterventionType, type Parameters } from '../../interventions/intervention.ts';
import { direft } from '../../interventions/types/direft.ts';
import { lora } from '../../interventions/types/lora.ts';
import { loreft } from '../../interventions/types/loreft.ts';
import { noreft } from '../../interventions/types/noreft.ts';
import { trainedVector } from '../../interventions/types/trainedVector.ts';
import { seedOf } from '../../random/random.ts';
import type { Edit, Fragment } from '../../runtime/plan/plan.ts';
import { describeComponent } from '../../runtime/plan/sites.ts';
import type { TrainedParameter } from '../../runtime/training/stepGraph.ts';
import { ExperimentError } from '../experimentFile.ts';
import { wayOf } from '../keptBases.ts';
import { type RotationTraining, trainedRotation } from '../rotationTraining.ts';
import { type Fork, layersWith, lengthAt } from '../stackLayers.ts';
import { type Continued, forced } from '../teacherForcing.ts';
import { fillsMasks } from '../watched.ts';
import type { FinetuneAdapter } from './experiment.ts';

const types: Readonly<Record<FinetuneAdapter['type'], InterventionType>> = {
  LoReFT: loreft,
  NoReFT: noreft,
  DiReFT: direft,
  LoRA: lora,
  SteeringVector: trainedVector,
};

/** Which positions an intervention acts on. */
export type PositionGroup = 'first' | 'last' | 'both' | 'all' | 'mask';

/** One intervention of an adapter. */
export interface AdapterPiece {
  readonly layer: number;
  readonly group: PositionGroup;
}

export interface ResolvedAdapter {
  readonly adapter: FinetuneAdapter;
  readonly name: string;
  readonly type: InterventionType;
  readonly layers: readonly number[];
  readonly pieces: readonly AdapterPiece[];
  /** Entries of a vector at its sites, and of what enters the module beside which a LoRA stands. */
  readonly width: number;
  readonly inputWidth: number;
  /** Of LoRA: what enters the module. */
  readonly entering: string | undefined;
  /** Where rows fork: at the first of its layers. */
  readonly fork: Fork;
}

const rankOf = (adapter: FinetuneAdapter): number | undefined =>
  'rank' in adapter ? adapter.rank : undefined;

function groupsOf({ positions, sharedWeights }: FinetuneAdapter): readonly PositionGroup[] {
  if (positions === 'all' || positions === 'mask') return [positions];
  const { first, last } = positions;
  if (first > 0 && last > 0) return sharedWeights ? ['both'] : ['first', 'last'];
  return first > 0 ? ['first'] : ['last'];
}

/** The interventions of an adapter, layer by layer. */
export const piecesOf = (adapter: FinetuneAdapter, layers: readonly number[]): readonly AdapterPiece[] =>
  layers.flatMap((layer) => groupsOf(adapter).map((group) => ({ layer, group })));

function layersText(layers: readonly number[]): string {
  const [first = 0] = layers;
  const last = layers.at(-1) ?? first;
  if (layers.length === 1) return `layer ${first}`;
  const isRun = layers.every((layer, at) => layer === first + at);
  return `layers ${isRun ? `${first} to ${last}` : layers.join(', ')}`;
}

function positionsText(adapter: FinetuneAdapter): string {
  const { positions, sharedWeights } = adapter;
  if (positions === 'all') return 'all positions';
  if (positions === 'mask') return 'the mask';
  const { first, last } = positions;
  const parts = [...(first > 0 ? [`first ${first}`] : []), ...(last > 0 ? [`last ${last}`] : [])];
  return `${parts.join(' and ')}${parts.length > 1 && !sharedWeights ? ', weights apart' : ''}`;
}

/** `LoReFT, rank 4, layers 3 to 5, first 1 and last 1` */
const nameOf = (adapter: FinetuneAdapter, layers: readonly number[]): string =>
  adapter.name ??
  [
    adapter.type === 'SteeringVector' ? 'Steering vector' : `${adapter.type}, rank ${rankOf(adapter)}`,
    ...(adapter.component === 'block_output' ? [] : [adapter.component]),
    layersText(layers),
    positionsText(adapter),
  ].join(', ');

/** @throws ExperimentError or PlanError that names the field */
export function resolveAdapter(
  architecture: Architecture,
  adapter: FinetuneAdapter,
  index: number,
): ResolvedAdapter {
  const field = `adapters.${index}`;
  const { component } = adapter;
  const { layout, scope, width, layers: having, place } = describeComponent(architecture, component);
  if (layout !== 'token' || scope === 'model')
    throw new ExperimentError(
      `'${field}.component': '${component}' has no vector for each position of a layer, so nothing can be trained there. Name one such as 'block_output' or 'mlp_output'.`,
    );
  if (adapter.positions === 'mask' && !fillsMasks(architecture))
    throw new ExperimentError(
      `'${field}.positions' is 'mask', and this ${architecture.modelType} model ${architecture.isCausal ? 'goes on behind its prompts, which have none. Give { "last": 1 }' : 'says a class of what it reads, which has none. Give { "first": 1 }'}.`,
    );
  const all = layersWith(architecture, component);
  const layers = adapter.layers === 'all' ? all : adapter.layers.toSorted((a, b) => a - b);
  const beyond = layers.find((layer) => !all.includes(layer));
  if (beyond !== undefined)
    throw new ExperimentError(
      `'${field}.layers': there is no '${component}' in layer ${beyond}; this model has ${having ? `it in layers ${having.join(', ')}` : `${place ? 'it in ' : ''}layers 0 to ${all.length - 1}`}.`,
    );
  if (new Set(layers).size < layers.length)
    throw new ExperimentError(`'${field}.layers' names one twice: ${layers.join(', ')}.`);
  const rank = rankOf(adapter);
  const entering = adapter.type === 'LoRA' ? moduleInput(component, `'${field}.component'`) : undefined;
  const inputWidth = entering === undefined ? width : describeComponent(architecture, entering).width;
  if (rank !== undefined && rank > Math.min(width, inputWidth))
    throw new ExperimentError(
      `'${field}.rank' is ${rank}, but '${component}' has a width of ${Math.min(width, inputWidth)}. Give at most ${Math.min(width, inputWidth)}.`,
    );
  const type = types[adapter.type];
  return {
    adapter,
    name: nameOf(adapter, layers),
    type,
    layers,
    pieces: piecesOf(adapter, layers),
    width,
    inputWidth,
    entering,
    fork: siteOf({ adapter, entering }, layers[0] ?? 0, architecture).fork,
  };
}

/** What a LoRA adds is computed inside its layer; everything else may act where the next layer is entered. */
function siteOf(
  { adapter: { component }, entering }: Pick<ResolvedAdapter, 'adapter' | 'entering'>,
  layer: number,
  architecture: Architecture,
) {
  if (entering === undefined) return wayOf(architecture, { component, layer });
  const { from = 0, stack = 'main' } = describeComponent(architecture, component).place ?? {};
  return { site: { component, layer }, fork: { layer: from + layer, stack } as const };
}

/** How an example's positions are split between the groups. */
export interface EditedPositions {
  readonly first: readonly number[];
  readonly last: readonly number[];
}

const range = (from: number, to: number): readonly number[] =>
  Array.from({ length: Math.max(0, to - from) }, (_, at) => from + at);

/**
 * The positions of a prompt that an adapter acts on. Where first and last positions are asked for and a prompt is too
 * short for both, each side gets at most half of it, as in pyreft.
 * @param promptLength positions of the prompt, without its continuation
 * @param length positions that run
 * @param watched the mask, of a model that fills such; otherwise the prompt's last
 */
export function editedPositions(
  { adapter: { positions } }: Pick<ResolvedAdapter, 'adapter'>,
  promptLength: number,
  length: number,
  watched: number,
): EditedPositions {
  if (positions === 'all') return { first: range(0, length), last: [] };
  if (positions === 'mask') return { first: [watched], last: [] };
  const most = positions.first > 0 && positions.last > 0 ? Math.floor(promptLength / 2) : promptLength;
  const [first, last] = [Math.min(most, positions.first), Math.min(most, positions.last)];
  return { first: range(0, first), last: range(promptLength - last, promptLength) };
}

/** Positions that a prompt has in the stack of an adapter's component. */
export const promptLengthAt = (
  architecture: Architecture,
  { adapter: { component } }: Pick<ResolvedAdapter, 'adapter'>,
  prompt: Continued['prompt'],
): number => lengthAt(architecture, prompt, component);

/**
 * The positions of an example that an adapter acts on, in the stack of its component.
 * @param whole what runs of the example
 */
export const positionsIn = (
  architecture: Architecture,
  resolved: Pick<ResolvedAdapter, 'adapter'>,
  { prompt, label }: Continued,
  whole = forced(prompt, label),
): EditedPositions =>
  editedPositions(
    resolved,
    promptLengthAt(architecture, resolved, prompt),
    promptLengthAt(architecture, resolved, whole),
    prompt.watched,
  );

/** Whether an adapter acts on fewer positions of a prompt than it was asked to. */
export function isCutShort(resolved: ResolvedAdapter, promptLength: number): boolean {
  const { positions } = resolved.adapter;
  if (positions === 'all' || positions === 'mask') return false;
  const { first, last } = editedPositions(resolved, promptLength, promptLength, promptLength - 1);
  return first.length < positions.first || last.length < positions.last;
}

/** The parameters of each piece, as its training begins. @param seed of the experiment */
export const initialParameters = (
  { adapter, type, pieces, width, inputWidth }: ResolvedAdapter,
  seed: number,
): readonly Parameters[] =>
  pieces.map((_, index) => {
    const rank = rankOf(adapter);
    const initial = type.initial({
      width,
      inputWidth,
      // Types take a few seeds from the one that they are given on.
      seed: seedOf(seed, 4 * index),
      ...(rank === undefined ? {} : { lowRankDimension: rank }),
    });
    if (adapter.type !== 'LoRA') return initial;
    const { alpha = adapter.rank, rank: over } = adapter;
    return { ...initial, scaling: { data: Float32Array.of(alpha / over), shape: [1] } };
  });

/** Not trained: LoRA's scaling is a choice. */
const fixed: ReadonlySet<string> = new Set(['scaling']);

/** `3 weight`: of the fourth piece. */
export const parameterKey = (piece: number, name: string): string => `${piece} ${name}`;

/**
 * What of the pieces is trained, in one record.
 * @param rotation how columns that stay orthonormal are trained
 */
export const trainedParameters = (
  { type }: ResolvedAdapter,
  parameters: readonly Parameters[],
  { rotation = 'manifold', seed = 0 }: { readonly rotation?: RotationTraining; readonly seed?: number } = {},
): Readonly<Record<string, TrainedParameter>> =>
  Object.fromEntries(
    parameters.flatMap((own, piece) =>
      Object.entries(own)
        .filter(([name]) => !fixed.has(name))
        .map(([name, { data, shape }]) => [
          parameterKey(piece, name),
          type.orthonormal?.includes(name)
            ? trainedRotation({ data, shape }, rotation, seed, piece)
            : { data, shape },
        ]),
    ),
  );

/** How an adapter acts with parameters that are wherever they are. */
export interface OpenAdapter {
  /** By piece; what is trained of each is wanted by these very objects. */
  readonly wanted: readonly Fragment['parameters'][];
  readonly editsOf: (positions: EditedPositions) => readonly Edit[];
}

/**
 * @param numbers what is trained, by `parameterKey`, on the device or on the host
 * @param initial of the pieces: what is not trained comes from there
 */
export function openAdapter(
  resolved: ResolvedAdapter,
  numbers: Fragment['parameters'],
  initial: readonly Parameters[],
  architecture: Architecture,
): OpenAdapter {
  const { type, pieces, width, entering } = resolved;
  const fragments = pieces.map((_, piece): Fragment => {
    const own = initial[piece] ?? {};
    const whole = fragmentOf({ type, width, parameters: own });
    const parameters = Object.fromEntries(
      Object.entries(whole.parameters).map(([name, given]) => [
        name,
        numbers[parameterKey(piece, name)] ?? given,
      ]),
    );
    return { ...whole, parameters };
  });
  const sites = pieces.map(({ layer }) => siteOf(resolved, layer, architecture).site);
  return {
    wanted: fragments.map(({ parameters }) => parameters),
    editsOf: ({ first, last }) =>
      pieces.flatMap(({ group }, piece): readonly Edit[] => {
        const [fragment, site] = [fragments[piece], sites[piece]];
        const positions = group === 'first' ? first : group === 'last' ? last : [...first, ...last];
        if (!fragment || !site || positions.length === 0) return [];
        const edit = { site, location: { positions }, fragment };
        return entering === undefined ? [edit] : [{ ...edit, source: { kind: 'own', component: entering } }];
      }),
  };
}
