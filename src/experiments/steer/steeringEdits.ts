// A steering file's edits with their vectors at hand, for the rows of a generation.

import type { Architecture, StackName } from '../../architectures/architecture.ts';
import type { Tokenizer } from '../../checkpoint/checkpoint.ts';
import type { ByteSource } from '../../checkpoint/sources/byteSource.ts';
import { readControlVector, safetensorsVector } from '../../checkpoint/vectors/vectorFile.ts';
import { type Steering, steering, unitVector } from '../../interventions/steering/maps.ts';
import { quoted } from '../../messages/wording.ts';
import type { EditSpan } from '../../runtime/generation/editSpan.ts';
import type { GenerationEdit } from '../../runtime/generation/request.ts';
import { stackOf } from '../../runtime/plan/stacks.ts';
import { ExperimentError } from '../experimentFile.ts';
import { carryingPositions, type PassageRun } from './passageRun.ts';
import type { SteeringEdit, SteeringFile } from './steering.ts';

/** A vector in its place. */
export interface PlacedSteering {
  readonly edit: SteeringEdit;
  readonly layer: number | null;
  readonly steering: Steering;
}

type OpenFile = (path: string) => Promise<ByteSource>;

async function vectorsOf(
  edit: SteeringEdit,
  open: OpenFile,
): Promise<readonly (readonly [layer: number | null, vector: Float32Array])[]> {
  const { vector, layers } = edit;
  const everywhere = (data: Float32Array) =>
    (layers ?? [null]).map((layer): [number | null, Float32Array] => [layer, data]);
  if (!('file' in vector)) return everywhere(Float32Array.from(vector));
  const source = await open(vector.file);
  try {
    if (!vector.file.endsWith('.gguf')) {
      if (vector.writer)
        throw new ExperimentError(`${quoted(vector.file)} is not a control vector, and has no 'writer'.`);
      return everywhere(await safetensorsVector(source, vector.tensor));
    }
    const { directions } = await readControlVector(source, vector.writer === 'cvector-generator' ? -1 : 0);
    const missing = layers?.find((layer) => !directions.has(layer));
    if (missing !== undefined)
      throw new ExperimentError(
        `${quoted(vector.file)} has no direction for layer ${missing}. It has: ${[...directions.keys()].join(', ')}.`,
      );
    return [...directions].filter(([layer]) => layers?.includes(layer) ?? true);
  } finally {
    await source.close();
  }
}

/**
 * @param open a file that the steering names; rejects where there is none
 * @throws ExperimentError or CheckpointError when a vector cannot be read, InterventionError when it names no direction
 */
export async function placeSteering(
  { edits }: SteeringFile,
  open: OpenFile,
): Promise<readonly PlacedSteering[]> {
  const placed: PlacedSteering[] = [];
  for (const edit of edits) {
    const { map, keepNorm, whileBelow, normalize } = edit;
    for (const [layer, vector] of await vectorsOf(edit, open)) {
      const made = steering(normalize ? unitVector(vector) : vector, {
        map: map.kind === 'between' ? { kind: 'between', from: Float32Array.from(map.from) } : map,
        keepsNorm: keepNorm,
        ...(whileBelow === undefined ? {} : { whileBelow }),
      });
      placed.push({ edit, layer, steering: made });
    }
  }
  return placed;
}

/**
 * Where an edit acts in a row. What is not said of an edit of what an encoder reads, once, is all of it.
 * @param stack whose positions are meant
 */
export function spanOf(
  { prompt: given, steps, specialTokens }: Pick<SteeringEdit, 'prompt' | 'steps' | 'specialTokens'>,
  run: PassageRun,
  stack: StackName,
  isSpecial: Tokenizer['isSpecial'],
): EditSpan {
  const prompt = stack !== 'main' && given === undefined && steps === undefined ? 'all' : given;
  const positions = prompt === 'all' && !specialTokens ? carryingPositions(run, stack, isSpecial) : prompt;
  return {
    ...(positions === undefined ? {} : { prompt: positions }),
    ...(steps === undefined ? {} : { steps }),
  };
}

/**
 * The edits of one row.
 * @param prompt of the row
 * @param factor on every strength; -1 adds the other way
 */
export function steeringEdits(
  architecture: Architecture,
  placed: readonly PlacedSteering[],
  prompt: PassageRun,
  isSpecial: Tokenizer['isSpecial'],
  factor = 1,
): readonly GenerationEdit[] {
  return placed.map(({ edit, layer, steering: made }) => ({
    site: { component: edit.component, layer },
    ...(edit.heads ? { heads: edit.heads } : {}),
    at: spanOf(edit, prompt, stackOf(architecture, edit.component), isSpecial),
    fragment: made.fragment,
    source: made.sourceAt(edit.strength * factor),
  }));
}
