// Interventions that live through generation: each becomes an edit of (row, absolute position). What they take from
// source runs is read once, before the first token.

import type { EditSpan } from '../../runtime/generation/editSpan.ts';
import type { GeneratedText, GenerateStep } from '../../runtime/generation/generate.ts';
import { generateTexts } from '../../runtime/generation/generate.ts';
import type { GenerationEdit } from '../../runtime/generation/request.ts';
import type { SamplingOptions } from '../../runtime/generation/sampling/sampling.ts';
import type { Model } from '../../runtime/model.ts';
import type { Edit } from '../../runtime/plan/plan.ts';
import type { UnitLocation } from '../configuration/locations.ts';
import type { ResolvedConfiguration } from '../configuration/resolve.ts';
import { InterventionError } from '../intervention.ts';
import { type EditContext, editOf, lateKey, originOf } from './edits.ts';
import { type Prompt, startOf } from './prompt.ts';
import { type Call, type Piece, piecesOf, promptsOf } from './runs.ts';

/**
 * Where interventions act in texts that are being generated.
 * - nothing: an intervention with locations acts there, in the prompt; others act at the prompt's last position, whose state
 *   makes the first new token, and at every new token
 * - a span: all of those without locations act there; or spans by the key of the intervention
 * - `pyvene`: as pyvene's `generate` does. Without `interveneOnPrompt`, an intervention acts at each new token that is fed
 *   back, so that the first new token is not affected; with it, at the locations, in the prompt only; with it and without
 *   locations, at every position of the prompt and at every new token
 */
export type GenerationPlacement =
  | EditSpan
  | { readonly byKey: Readonly<Record<string, EditSpan>> }
  | { readonly preset: 'pyvene'; readonly interveneOnPrompt?: boolean };

export interface GenerationCall {
  readonly maxNewTokens: number;
  /** Default: greedy. */
  readonly sampling?: SamplingOptions;
  /** Tokens after which a text ends; default none. */
  readonly eosIds?: readonly number[];
  readonly placement?: GenerationPlacement;
}

/** What an intervention without positions of its own is compiled for: a prompt of one token. */
const oneToken: Prompt = { tokens: [0], placeOf: (position) => position };

const isPositioned = ({ located }: Piece): boolean =>
  located.base?.some(({ positions }) => positions !== 'all') ?? false;

function spanOf(
  placement: GenerationPlacement | undefined,
  key: string,
  isLocated: boolean,
  label: string,
): EditSpan | undefined {
  if (placement === undefined) return isLocated ? undefined : { steps: 'all' };
  if ('preset' in placement) {
    if (!placement.interveneOnPrompt) {
      if (isLocated)
        throw new InterventionError(
          `${label}: under pyvene's rules an intervention has locations only with 'interveneOnPrompt'; without it, it acts at every new token that is fed back.`,
        );
      return { steps: { from: 1 } };
    }
    return isLocated ? undefined : { prompt: 'all', steps: 'all' };
  }
  const own = 'byKey' in placement ? placement.byKey[key] : placement;
  if (own && isLocated)
    throw new InterventionError(
      `${label}: it has both 'unitLocations' and a placement. Say in one of them where it acts.`,
    );
  return own ?? (isLocated ? undefined : { steps: 'all' });
}

function checkPieces(pieces: readonly Piece[], known: readonly string[], placement?: GenerationPlacement) {
  if (placement && 'byKey' in placement) {
    const unknown = Object.keys(placement.byKey).find((key) => !known.includes(key));
    if (unknown !== undefined)
      throw new InterventionError(
        `placement: there is no intervention '${unknown}'. There are: ${known.join(', ')}.`,
      );
  }
  for (const { resolved } of pieces) {
    const { intervention, label, targetRun } = resolved;
    if (intervention.type.isCollect)
      throw new InterventionError(
        `${label}: nothing is collected while texts are generated. Collect from the finished text with 'collect'.`,
      );
    if (intervention.type.make)
      throw new InterventionError(
        `${label}: a ${intervention.type.name} makes numbers for a prompt, and there is no rule for those of new tokens.`,
      );
    if (targetRun !== 'base')
      throw new InterventionError(
        `${label}: it edits '${targetRun}', and only the base is generated from. Use 'parallel' mode.`,
      );
  }
}

/** What the interventions of a call take from other runs, by `lateKey`. */
async function readSources(
  model: Model,
  context: EditContext,
  pieces: readonly Piece[],
  options: { readonly signal?: AbortSignal },
): Promise<ReadonlyMap<string, Float32Array>> {
  const wanted = pieces.flatMap((piece) =>
    context.call.base.flatMap((_, example) => originOf(context, piece, example) ?? []),
  );
  const distinct = [...new Map(wanted.map((origin) => [lateKey(origin), origin])).values()];
  if (distinct.length === 0) return new Map();
  const results = await model.run(
    {
      rows: distinct.map(({ run, example }) => {
        const prompt = promptsOf(context.call, run, `'${run}'`)[example] ?? oneToken;
        return { start: startOf(prompt), edits: [] };
      }),
      reads: distinct.map(({ site, location }, row) => ({ row, site, location })),
    },
    options,
  );
  return new Map(
    distinct.map((origin, index) => {
      const data = results[index]?.value?.data;
      if (!(data instanceof Float32Array)) throw new Error('A source was not read.');
      return [lateKey(origin), data];
    }),
  );
}

function generationEdit(
  { site, location, fragment, source }: Edit,
  at: EditSpan,
  taken: Float32Array | undefined,
): GenerationEdit {
  const { heads } = location;
  const given = ((): GenerationEdit['source'] => {
    if (taken) return { kind: 'vector', data: taken };
    if (source?.kind === 'tensor') return { kind: 'vector', data: source.data };
    return source?.kind === 'own' ? source : undefined;
  })();
  return { site, at, fragment, ...(heads ? { heads } : {}), ...(given ? { source: given } : {}) };
}

/** @returns the edits of each example */
async function compileEdits(
  model: Model,
  configuration: ResolvedConfiguration,
  call: Call,
  placement: GenerationPlacement | undefined,
  options: { readonly signal?: AbortSignal },
): Promise<readonly (readonly GenerationEdit[])[]> {
  const pieces = piecesOf(configuration, call);
  const { interventions } = configuration;
  checkPieces(
    pieces,
    interventions.map(({ key }) => key),
    placement,
  );
  const context: EditContext = {
    architecture: model.architecture,
    call,
    interventionCount: interventions.length,
  };
  const read = await readSources(model, context, pieces, options);
  const stepContext: EditContext = { ...context, call: { ...call, base: call.base.map(() => oneToken) } };
  return call.base.map((_, example) =>
    pieces.map((piece) => {
      const { key, label } = piece.resolved;
      const span = spanOf(placement, key, isPositioned(piece), label);
      const origin = originOf(context, piece, example);
      const taken = origin && read.get(lateKey(origin));
      if (span === undefined) {
        const edit = editOf(context, piece, example, () => 0, read);
        const { positions } = edit.location;
        return generationEdit(edit, { prompt: positions }, taken);
      }
      const anywhere = piece.located.base?.map(
        ({ heads }): UnitLocation => ({
          positions: 'all',
          ...(heads ? { heads } : {}),
        }),
      );
      // A location that is named is one vector of its units; here it names the one position at hand.
      const located = { ...piece.located, base: anywhere ?? [{ positions: [0] }] };
      return generationEdit(
        editOf(stepContext, { ...piece, located }, example, () => 0, read),
        span,
        taken,
      );
    }),
  );
}

export interface GeneratedOutput extends GeneratedText {
  /** The prompt's ids and the new ones. */
  readonly sequence: readonly number[];
}

/**
 * Continue each prompt of a call under its interventions.
 * @throws InterventionError or PlanError that names what was given and what would be right
 */
export async function generateUnder(
  model: Model,
  configuration: ResolvedConfiguration,
  call: Call,
  { placement, ...request }: GenerationCall & Pick<Parameters<typeof generateTexts>[1], 'tokenizer' | 'stop'>,
  options: { readonly signal?: AbortSignal; readonly onStep?: (step: GenerateStep) => void } = {},
): Promise<readonly GeneratedOutput[]> {
  const edits = await compileEdits(model, configuration, call, placement, options);
  const rows = call.base.map(({ tokens, read }, example) => ({
    tokens,
    ...(read?.start.kind === 'tokens' && read.start.source ? { source: read.start.source } : {}),
    edits: edits[example] ?? [],
    sample: example,
  }));
  const texts = await generateTexts(model, { ...request, rows }, options);
  return texts.map((text, example) => ({
    ...text,
    sequence: [...(call.base[example]?.tokens ?? []), ...text.tokens],
  }));
}
