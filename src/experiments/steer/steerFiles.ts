// A steering's vectors for use elsewhere: safetensors, llama.cpp's control vectors, a folder of pyvene's, and a file for
// `patchbay generate --steer`. What a format cannot hold is left out, and said.

import { CheckpointError } from '../../checkpoint/checkpoint.ts';
import { safetensorsBytes, type WrittenTensor } from '../../checkpoint/safetensors/written.ts';
import { writeControlVector } from '../../checkpoint/vectors/writeControlVector.ts';
import { pyveneKeys } from '../../interventions/configuration/pyveneKeys.ts';
import { type PyveneIntervention, writePyveneFolder } from '../../interventions/pyvene/pyveneFolder.ts';
import { numbersOfText } from '../align/numbersText.ts';
import { editName, type SteerEdit } from './experiment.ts';
import { addedFile } from './programs.ts';
import { type EditResult, readsBeside, type SteerResult, type VectorResult } from './result.ts';
import { siteTensor } from './tensorNames.ts';
import { vectorData } from './vectorData.ts';

export interface SteerFiles {
  /** By path. */
  readonly files: Readonly<Record<string, Uint8Array>>;
  readonly refused: readonly { readonly name: string; readonly why: string }[];
}

/** An edit that is on, with its vector. */
interface Active {
  readonly edit: SteerEdit;
  readonly placed: EditResult;
  readonly vector: VectorResult;
  readonly data: readonly Float32Array[];
}

function activeOf({ experiment, edits, vectors }: SteerResult): readonly Active[] {
  return experiment.edits.flatMap((edit, at): Active[] => {
    const placed = edits[at];
    const vector = vectors.find(({ name }) => name === edit.vector);
    return edit.on && placed && vector ? [{ edit, placed, vector, data: vectorData(vector) }] : [];
  });
}

const isPlain = ({ map, keepNorm, whileBelow }: SteerEdit): boolean =>
  map.kind === 'add' && !keepNorm && whileBelow === undefined;

/** What an edit adds at each of its sites, strengths multiplied in. */
const addedBy = ({ placed, vector, data }: Active) =>
  placed.sites.map((site) => {
    const at = vector.sites.findIndex(({ layer, head }) => layer === site.layer && head === site.head);
    return { ...site, added: (data[at] ?? new Float32Array()).map((entry) => entry * site.raw) };
  });

/** Names as files can have them, each once. */
function fileNames(names: readonly string[]): readonly string[] {
  const plain = names.map((name) => name.replace(/[^\p{L}\p{N}_-]+/gu, '-').slice(0, 40) || 'vector');
  return plain.map((name, at) => {
    const before = plain.slice(0, at).filter((other) => other.toLowerCase() === name.toLowerCase()).length;
    return before === 0 ? name : `${name}-${before + 1}`;
  });
}

function added(active: readonly Active[]): Readonly<Record<string, Uint8Array>> {
  const tensors = new Map<string, WrittenTensor>();
  for (const own of active) {
    if (!isPlain(own.edit)) continue;
    const { positions, width } = own.vector;
    for (const { added: data, ...site } of addedBy(own))
      tensors.set(siteTensor(editName(own.edit), site), {
        shape: positions === 1 ? [width] : [positions, width],
        data,
      });
  }
  return tensors.size === 0 ? {} : { [addedFile]: safetensorsBytes(tensors) };
}

function vectorsFile({ vectors }: SteerResult): Readonly<Record<string, Uint8Array>> {
  const tensors = new Map<string, WrittenTensor>();
  for (const vector of vectors) {
    const { name, positions, width, sites } = vector;
    vectorData(vector).forEach((data, at) => {
      const shape = positions === 1 ? [width] : [positions, width];
      tensors.set(siteTensor(name, sites[at] ?? { layer: null, head: null }), { shape, data });
    });
  }
  return { 'vectors.safetensors': safetensorsBytes(tensors) };
}

interface Written {
  readonly files?: Readonly<Record<string, Uint8Array>>;
  readonly why?: string;
}

/** Formats of other tools are of models that read a text alone. */
const beside = 'The model reads more than a text, and this format is of models that do not.';

/** Why llama.cpp has no words for an edit; undefined where it has. */
function controlRefusal({ edit, vector }: Active, result: SteerResult): string | undefined {
  if (readsBeside(result)) return beside;
  if (vector.component !== 'block_output')
    return `llama.cpp adds control vectors at the output of blocks, and not at '${vector.component}'.`;
  if (!isPlain(edit) || vector.positions > 1)
    return 'llama.cpp adds one vector to a state, and does nothing else to it.';
  const isEverywhere = edit.prompt === 'all' && edit.specialTokens && edit.steps === 'all';
  return isEverywhere
    ? undefined
    : 'llama.cpp adds a control vector at every position, the first and special ones included. Give the edit "prompt": "all", "steps": "all" and "specialTokens": true to have the same here.';
}

/** What llama.cpp adds, strength 1. */
function controlVector(own: Active, result: SteerResult): Written {
  const why = controlRefusal(own, result);
  if (why !== undefined) return { why };
  try {
    const directions = new Map(
      addedBy(own).flatMap(({ layer, added: data }) => (layer === null ? [] : [[layer, data] as const])),
    );
    return { files: { '': writeControlVector(directions, result.model.modelType) } };
  } catch (error) {
    if (error instanceof CheckpointError) return { why: error.message };
    throw error;
  }
}

/** One intervention of pyvene's that adds a constant. */
const addition = (component: string, layer: number, data: Float32Array): Omit<PyveneIntervention, 'key'> => ({
  representation: {
    ...{ layer, component, unit: 'pos', max_number_of_units: 1 },
    ...{ low_rank_dimension: null, subspace_partition: null, group_key: null },
    ...{ intervention_link_key: null, moe_key: null, latent_dim: null },
  },
  type: 'AdditionIntervention',
  dimension: data.length,
  parameters: {},
  sourceRepresentation: { data, shape: [data.length] },
});

/** Components that pyvene knows by name in every family. */
const pyveneComponents = ['block_input', 'block_output', 'mlp_output', 'attention_output'];

function pyveneFolder(result: SteerResult, active: readonly Active[]): Written {
  if (readsBeside(result)) return { why: beside };
  const interventions: Omit<PyveneIntervention, 'key'>[] = [];
  for (const own of active) {
    const name = editName(own.edit);
    const { component } = own.vector;
    if (!isPlain(own.edit) || own.vector.positions > 1)
      return { why: `The edit '${name}' does more than add a vector at positions.` };
    const biases = result.biases.filter(({ edit }) => edit === name);
    if (component === 'head_attention_value_output') {
      if (biases.length === 0)
        return {
          why: `The edit '${name}' is of heads, and this model's output projection has no name in pyvene.`,
        };
      for (const { layer, module, base64 } of biases) {
        const width = (base64.length / 4) * 3 - (base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0);
        interventions.push(addition(module, layer, numbersOfText({ shape: [width / 4], base64 }, name)));
      }
    } else if (pyveneComponents.includes(component)) {
      for (const { layer, added: data } of addedBy(own))
        if (layer !== null) interventions.push(addition(component, layer, data));
    } else return { why: `pyvene has no '${component}' by that name in every family.` };
  }
  const sites = interventions.map(({ representation }) => representation);
  const places = sites.map(({ component, layer }) => `${component} ${layer}`);
  if (new Set(places).size < places.length)
    return { why: 'Two edits are at one site, and the folder holds one vector for each.' };
  const keys = pyveneKeys(sites);
  const folder = writePyveneFolder({
    mode: 'parallel',
    interventions: interventions.map((own, at) => ({ ...own, key: keys[at] ?? '' })),
  });
  return { files: Object.fromEntries([...folder].map(([name, bytes]) => [`interventions/${name}`, bytes])) };
}

/** A file for `patchbay generate --steer`, which takes one vector an edit. */
function steeringFile(active: readonly Active[]): Written {
  const matrix = active.find(({ vector }) => vector.positions > 1);
  if (matrix)
    return {
      why: `The edit '${editName(matrix.edit)}' is an activation addition, which a steering file has no words for.`,
    };
  const edits = active.flatMap((own) => {
    const { edit, vector, data } = own;
    const { map, keepNorm, whileBelow, prompt, steps, specialTokens } = edit;
    return own.placed.sites.map((site) => {
      const at = vector.sites.findIndex(({ layer, head }) => layer === site.layer && head === site.head);
      const mapped =
        map.kind === 'set'
          ? { kind: map.kind, to: map.to * site.scale }
          : map.kind === 'cap'
            ? { kind: map.kind, at: map.at * site.scale }
            : map;
      return {
        component: vector.component,
        ...(site.layer === null ? {} : { layers: [site.layer] }),
        ...(site.head === null ? {} : { heads: [site.head] }),
        vector: Array.from(data[at] ?? [], (x) => Number(x.toPrecision(9))),
        strength: site.raw,
        map: mapped,
        keepNorm,
        ...(whileBelow === undefined ? {} : { whileBelow: whileBelow * site.scale }),
        ...(prompt === undefined ? {} : { prompt }),
        ...(steps === undefined ? {} : { steps }),
        specialTokens,
      };
    });
  });
  if (active.some(({ edit: { map } }) => map.kind === 'between' && map.from === undefined))
    return {
      why: 'The mean that an edit starts from is measured here, and a steering file needs its numbers. Give "from".',
    };
  const text = JSON.stringify({ kind: 'steering', version: 1, edits });
  return { files: { 'steering.json': new TextEncoder().encode(`${text}\n`) } };
}

/** Everything that can be taken along, and why the rest cannot. */
export function steerFiles(result: SteerResult): SteerFiles {
  const active = activeOf(result);
  const files: Record<string, Uint8Array> = { ...vectorsFile(result), ...added(active) };
  const refused: { name: string; why: string }[] = [];
  const take = (name: string, written: Written) => {
    if (written.why !== undefined) refused.push({ name, why: written.why });
    for (const [path, bytes] of Object.entries(written.files ?? {})) files[path === '' ? name : path] = bytes;
  };
  if (active.length === 0) return { files, refused };
  const names = fileNames(active.map(({ edit }) => editName(edit)));
  active.forEach((own, at) => {
    take(`${names[at]}.gguf`, controlVector(own, result));
  });
  take('the folder interventions', pyveneFolder(result, active));
  take('steering.json', steeringFile(active));
  return { files, refused };
}
