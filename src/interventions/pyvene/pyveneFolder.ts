// The folders that pyvene's `IntervenableModel.save` makes: `config.json`, and a file of torch.save for every intervention
// that keeps tensors. They are read into plain data and written from it; no class is looked up by the name that a file
// gives, and what pyvene could not load is not written. Keys of all of pyvene's versions are understood.
import * as v from 'valibot';
import { CheckpointError } from '../../checkpoint/checkpoint.ts';
import { parseJson } from '../../checkpoint/sources/byteSource.ts';
import { readTorchFile, writeTorchFile } from '../../checkpoint/torch/torchFile.ts';
import { floatTensor, type TorchTensor } from '../../checkpoint/torch/torchTensor.ts';
import { quoted, reasonOf } from '../../messages/wording.ts';
import { keySpellings, pyveneKeys } from '../configuration/pyveneKeys.ts';
import {
  checkParameters,
  type PyveneTensor,
  pyveneType,
  pyveneTypeNamed,
  readState,
  type Sizes,
  stateOf,
} from './pyveneState.ts';

/** The files of a folder, wherever they lie. Names hold '#', '[' and ']': escape them where they become a URL. */
export interface PyveneFiles {
  /** What a person calls the folder, for messages. */
  readonly label: string;
  names(): readonly string[] | Promise<readonly string[]>;
  read(name: string): Promise<Uint8Array>;
}

/** Where an intervention takes place, in pyvene's words. */
export interface PyveneRepresentation {
  readonly layer: number;
  /** A component's name, or the path of a module with '.input' or '.output'. */
  readonly component: string;
  readonly unit: string;
  readonly max_number_of_units: number;
  readonly low_rank_dimension: number | null;
  readonly subspace_partition: readonly (readonly number[])[] | null;
  readonly group_key: number | string | null;
  readonly intervention_link_key: number | string | null;
  readonly moe_key: number | string | null;
  readonly latent_dim: number | null;
}

export interface PyveneIntervention {
  /** As pyvene makes it of the representation; see `pyveneKeys`. */
  readonly key: string;
  readonly representation: PyveneRepresentation;
  /** The bare name of pyvene's class, such as 'RotatedSpaceIntervention'. */
  readonly type: string;
  /** pyvene's interchange_dim: how many leading dimensions are swapped, or which latents. */
  readonly dimension: number | readonly number[] | null;
  readonly parameters: Readonly<Record<string, PyveneTensor>>;
  /** What takes the place of a source run. */
  readonly sourceRepresentation?: PyveneTensor;
}

export interface PyveneFolder {
  readonly mode: 'parallel' | 'serial';
  readonly interventions: readonly PyveneIntervention[];
}

const configName = 'config.json';

/** The order of a representation's fields on disk. */
const fields = [
  'layer',
  'component',
  'unit',
  'max_number_of_units',
  'low_rank_dimension',
  'intervention_type',
  'intervention',
  'subspace_partition',
  'group_key',
  'intervention_link_key',
  'moe_key',
  'source_representation',
  'hidden_source_representation',
  'latent_dim',
] as const;

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const key = v.optional(v.nullable(v.union([count, v.string()])), null);
const representationSchema = v.object({
  // A path names its layer itself, and may come without one.
  layer: v.nullish(count, 0),
  component: v.optional(v.string(), 'block_output'),
  unit: v.optional(v.string(), 'pos'),
  max_number_of_units: v.optional(count, 1),
  low_rank_dimension: v.optional(v.nullable(count), null),
  subspace_partition: v.optional(v.nullable(v.array(v.array(count))), null),
  group_key: key,
  intervention_link_key: key,
  moe_key: key,
  latent_dim: v.optional(v.nullable(count), null),
});

const configSchema = v.object({
  mode: v.picklist(['parallel', 'serial']),
  representations: v.pipe(
    v.array(
      v.pipe(
        v.union([
          v.pipe(v.array(v.unknown()), v.maxLength(fields.length)),
          v.record(v.string(), v.unknown()),
        ]),
        v.transform((given) =>
          Array.isArray(given) ? Object.fromEntries(given.map((value, at) => [fields[at], value])) : given,
        ),
        representationSchema,
      ),
    ),
    v.maxLength(10_000),
  ),
  intervention_types: v.array(v.string()),
  intervention_dimensions: v.nullish(v.array(v.nullable(v.union([count, v.array(count)])))),
  intervention_constant_sources: v.nullish(v.array(v.boolean())),
});

/**
 * Everything that a saved folder holds.
 * @throws CheckpointError that names the folder or the intervention, the problem and the remedy
 */
export async function readPyveneFolder(files: PyveneFiles): Promise<PyveneFolder> {
  const names = new Set(await files.names());
  const where = quoted(files.label);
  if (!names.has(configName)) {
    throw new CheckpointError(
      `${where} has no '${configName}'. A folder that pyvene saved has one; check the folder.`,
    );
  }
  const json = parseJson(`'${configName}' in ${where}`, await files.read(configName));
  const parsed = v.safeParse(configSchema, json);
  if (!parsed.success) {
    const [issue] = parsed.issues;
    const path = v.getDotPath(issue);
    throw new CheckpointError(
      `'${configName}' in ${where} is not one that pyvene saves: ${path ? `${quoted(path)}: ` : ''}${reasonOf(issue.message)}. ` +
        'Save the folder again with a current pyvene.',
    );
  }
  const { mode, representations, intervention_types: types, ...lists } = parsed.output;
  const lengths = [types, lists.intervention_dimensions, lists.intervention_constant_sources];
  if (lengths.some((list) => list && list.length !== representations.length)) {
    throw new CheckpointError(
      `'${configName}' in ${where} has ${representations.length} representations, and lists of another length beside ` +
        'them. Save the folder again with pyvene.',
    );
  }
  const spellings = keySpellings(representations);
  const interventions: PyveneIntervention[] = [];
  for (const [index, representation] of representations.entries()) {
    const keys = spellings.map((spelling) => spelling[index] ?? '');
    const [key = ''] = keys;
    const what = `Intervention ${quoted(key)} in ${where}`;
    const type = pyveneTypeNamed(types[index] ?? '', what);
    const file = keys.map(fileName).find((name) => names.has(name));
    const { source, parameters } = pyveneType(type, what);
    const isConstant = lists.intervention_constant_sources?.[index];
    const needsFile = parameters !== undefined || (source !== 'none' && isConstant === true);
    if (needsFile && file === undefined) {
      throw new CheckpointError(
        `${what} lacks its file ${quoted(fileName(key))}. Fetch it, or save the folder again with pyvene.`,
      );
    }
    const mayHaveSource = source !== 'none' && isConstant !== false;
    const state =
      file !== undefined && (needsFile || mayHaveSource)
        ? readState(readTorchFile(await files.read(file), file), type, what, sizesOf(representation))
        : { parameters: {} };
    const dimension = lists.intervention_dimensions?.[index] ?? state.interchangeDim ?? null;
    interventions.push({
      key,
      representation,
      type,
      dimension,
      parameters: state.parameters,
      ...(source !== 'none' && state.sourceRepresentation
        ? { sourceRepresentation: state.sourceRepresentation }
        : {}),
    });
  }
  return { mode, interventions };
}

const fileName = (key: string): string => `intkey_${key}.bin`;

const sizesOf = (representation: PyveneRepresentation): Sizes => ({
  ...(representation.low_rank_dimension === null ? {} : { R: representation.low_rank_dimension }),
  ...(representation.latent_dim === null ? {} : { L: representation.latent_dim }),
});

/**
 * The files of a folder that pyvene loads, by name. Parameters are float32; a rotation is written as a layer that has
 * exactly this weight.
 * @throws CheckpointError that names the intervention and says why pyvene could not load it
 */
export function writePyveneFolder({ mode, interventions }: PyveneFolder): ReadonlyMap<string, Uint8Array> {
  const keys = pyveneKeys(interventions.map(({ representation }) => representation));
  requireGroups(interventions);
  requireLinks(interventions);
  const written = interventions.map((intervention, index) =>
    writtenIntervention(intervention, keys[index] ?? ''),
  );
  const config = {
    intervention_constant_sources: written.map(({ isConstant }) => isConstant),
    intervention_dimensions: interventions.map(({ dimension }) => dimension),
    intervention_types: written.map(({ className }) => `<class '${className}'>`),
    mode,
    representations: written.map(({ representation }) => representation),
    sorted_keys: keys,
  };
  const files = new Map<string, Uint8Array>([
    [configName, new TextEncoder().encode(`${JSON.stringify(config, null, 2)}\n`)],
  ]);
  for (const { key, state } of written) {
    if (Object.keys(state).length > 0) files.set(fileName(key), writeTorchFile(state));
  }
  return files;
}

interface Written {
  readonly key: string;
  readonly className: string;
  readonly isConstant: boolean;
  readonly representation: readonly unknown[];
  readonly state: Readonly<Record<string, TorchTensor>>;
}

function writtenIntervention(intervention: PyveneIntervention, key: string): Written {
  const { type: typeName, representation, parameters, dimension, sourceRepresentation } = intervention;
  const what = `Intervention ${quoted(intervention.key)}`;
  const refuse = (problem: string): never => {
    throw new CheckpointError(`${what} ${problem}.`);
  };
  const type = pyveneType(typeName, what);
  if (intervention.key !== key) {
    refuse(
      `should have the key ${quoted(key)}: pyvene makes it of the representation and looks for the file under it`,
    );
  }
  const sizes = checkParameters(what, typeName, parameters, sizesOf(representation));
  const needsWidth = type.parameters !== undefined || typeName === 'NoiseIntervention';
  // The names of an encoder's components have a point too; a program tells pyvene what they are.
  if (needsWidth && /\.(input|output)$/.test(representation.component)) {
    refuse(
      `is at the path ${quoted(representation.component)}, for which pyvene knows no width, so that it cannot build a ` +
        `${typeName} there; name a component, such as 'block_output'`,
    );
  }
  if (sourceRepresentation && type.source !== 'any') {
    refuse(
      `has a constant source, and ${typeName} takes ` +
        (type.source === 'none'
          ? 'none; leave it out'
          : 'its source from another run: pyvene would load the constant and nothing else of it, and then pass it none'),
    );
  }
  if (sourceRepresentation) requireFloats(what, sourceRepresentation);
  const state = { ...stateOf(typeName, parameters, sizes, dimension) };
  if (sourceRepresentation) {
    state.source_representation = floatTensor(sourceRepresentation.data, sourceRepresentation.shape);
  } else if (typeName === 'CollectIntervention' || typeName === 'NoiseIntervention') {
    // pyvene saves no file for these two and fails to find it when it loads them. It reads one tensor, and never uses it.
    state.source_representation = floatTensor(new Float32Array(1), [1]);
  }
  const onDisk: Readonly<Record<string, unknown>> = {
    ...representation,
    low_rank_dimension: sizes.R ?? null,
    latent_dim: sizes.L ?? null,
    hidden_source_representation: sourceRepresentation ? true : null,
  };
  return {
    key,
    className: `${type.module}.${typeName}`,
    isConstant: type.isConstant === true || sourceRepresentation !== undefined,
    representation: fields.map((field) => onDisk[field] ?? null),
    state,
  };
}

function requireFloats(what: string, { data, shape }: PyveneTensor): void {
  if (shape.reduce((product, length) => product * length, 1) !== data.length) {
    throw new CheckpointError(
      `${what} has a constant source of shape [${shape.join(', ')}] and ${data.length} numbers. Give as many as the shape has.`,
    );
  }
}

/** pyvene asserts that all or none have a group, in ascending order. */
function requireGroups(interventions: readonly PyveneIntervention[]): void {
  const groups = interventions.map(({ representation }) => representation.group_key);
  if (groups.every((group) => group === null)) return;
  for (const [index, group] of groups.entries()) {
    const before = groups[index - 1] ?? group;
    if (group === null || before === null || typeof group !== typeof before || before > group) {
      throw new CheckpointError(
        `Intervention ${quoted(interventions[index]?.key ?? '')} has the group ${String(group)}` +
          `${index > 0 ? ` after ${String(before)}` : ''}. pyvene loads groups only where every intervention has one, ` +
          'in ascending order.',
      );
    }
  }
}

/** pyvene makes one object of linked interventions, and each one's file overwrites what the one before it loaded. */
function requireLinks(interventions: readonly PyveneIntervention[]): void {
  const firsts = new Map<number | string, PyveneIntervention>();
  for (const intervention of interventions) {
    const link = intervention.representation.intervention_link_key;
    if (link === null) continue;
    const first = firsts.get(link) ?? intervention;
    firsts.set(link, first);
    if (!isSame(first, intervention)) {
      throw new CheckpointError(
        `Interventions ${quoted(first.key)} and ${quoted(intervention.key)} are linked by ${quoted(String(link))} and differ. ` +
          'pyvene keeps one object for both, so the first would be lost; give them the same type and tensors.',
      );
    }
  }
}

function isSame(a: PyveneIntervention, b: PyveneIntervention): boolean {
  const names = Object.keys(a.parameters);
  return (
    a.type === b.type &&
    String(a.dimension) === String(b.dimension) &&
    names.length === Object.keys(b.parameters).length &&
    names.every((name) => isSameTensor(a.parameters[name], b.parameters[name])) &&
    isSameTensor(a.sourceRepresentation, b.sourceRepresentation)
  );
}

function isSameTensor(a: PyveneTensor | undefined, b: PyveneTensor | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  if (String(a.shape) !== String(b.shape)) return false;
  return a.data === b.data || a.data.every((value, index) => Object.is(value, b.data[index]));
}
