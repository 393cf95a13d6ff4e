// Texts in the worker, a token of each a step: between two steps other calls have their turn, two generations at once as
// well. A device that is lost costs the step at hand, and the texts go on from what they have said.

import type { ChatRequest } from '../checkpoint/chat/chatTemplate.ts';
import type { Checkpoint, GenerationFiles, Tokenizer } from '../checkpoint/checkpoint.ts';
import { ExperimentError } from '../experiments/experimentFile.ts';
import { partsOfGiven } from '../experiments/givenPrompt.ts';
import { readInput } from '../experiments/inputData.ts';
import { textPrompt } from '../experiments/resolvedPrompt.ts';
import { rowOf, textRun } from '../experiments/steer/passageRun.ts';
import { placeSteering, steeringEdits } from '../experiments/steer/steeringEdits.ts';
import { wholePrompt } from '../experiments/wholePrompt.ts';
import {
  type GenerateRow,
  type GenerateStep,
  generate,
  tokenLimits,
} from '../runtime/generation/generate.ts';
import { endingOf, generationSettings } from '../runtime/generation/settings.ts';
import type {
  ChatToWrite,
  GenerationOptions,
  GenerationRequest,
  GenerationText,
  WrittenChat,
} from './generationProtocol.ts';
import { type ModelInUse, runInSteps } from './steps.ts';

export interface ChattingModel extends ModelInUse {
  readonly checkpoint: Checkpoint;
}

/** As `WithModel`, with the model's files at hand. */
type WithChattingModel = <T>(work: (inUse: ChattingModel) => Promise<T>) => Promise<T>;

/** Writes a chat down under a deadline. */
export type RenderChat = (files: GenerationFiles, request: ChatRequest) => Promise<string>;

const noFiles: GenerationFiles = { generationConfig: {}, chatTemplates: new Map(), specialTokens: {} };

const refuseFiles = async (path: string): Promise<never> => {
  throw new ExperimentError(
    `The steering names the file '${path}', which the engine cannot reach. Put the vector's numbers in its place.`,
  );
};

/** @returns what the model's template makes of turns; null for a model that has none. @throws ChatTemplateError */
export async function writtenChat(
  {
    checkpoint,
    tokenizer,
  }: {
    readonly checkpoint: Pick<Checkpoint, 'generationFiles'>;
    readonly tokenizer: Pick<Tokenizer, 'encode'>;
  },
  { turns, reply = '' }: ChatToWrite,
  render: RenderChat,
): Promise<WrittenChat | null> {
  const files = (await checkpoint.generationFiles?.()) ?? noFiles;
  if (files.chatTemplates.size === 0) return null;
  const addGenerationPrompt = turns.at(-1)?.role !== 'assistant';
  const rendered = (await render(files, { turns, addGenerationPrompt })) + reply;
  return { rendered, tokens: tokenizer.encode(rendered, { addSpecialTokens: false }) };
}

interface PreparedText {
  readonly row: GenerateRow;
  readonly rendered: string | null;
}

async function prepare(
  { prompt, steering, adapter, factor, sample }: GenerationText,
  { tokenizer, model, checkpoint }: ChattingModel,
  files: GenerationFiles,
  render: RenderChat,
): Promise<PreparedText> {
  const { architecture } = model;
  const parts = prompt.kind === 'given' ? partsOfGiven(prompt.given) : undefined;
  const read = parts && (await readInput(architecture, parts, async () => checkpoint.preprocessor?.()));
  const whole = parts && wholePrompt(architecture, tokenizer, parts, read?.data);
  const rendered = prompt.kind === 'chat' ? await render(files, { turns: prompt.turns }) : null;
  const tokens = ((): readonly number[] => {
    if (whole) return whole.tokens;
    if (prompt.kind === 'tokens') return prompt.tokens;
    // The template has written the special tokens.
    if (rendered !== null) return tokenizer.encode(rendered, { addSpecialTokens: false });
    return prompt.kind === 'text' ? tokenizer.encode(prompt.text) : [];
  })();
  if (tokens.length === 0)
    throw new ExperimentError(
      'A prompt has no tokens, and there is nothing to go on from. Write at least one word.',
    );
  // Comes with the first adapter, so that the worker starts without it.
  const adapted = adapter
    ? (await import('../experiments/finetune/spoken.ts')).spokenEdits(
        architecture,
        adapter,
        whole ?? textPrompt(tokens),
      )
    : [];
  const run = whole ?? textRun(tokens);
  const placed = steering ? await placeSteering(steering, refuseFiles) : [];
  return {
    row: {
      ...rowOf(run),
      promptLength: tokens.length,
      edits: [
        ...adapted,
        ...steeringEdits(architecture, placed, run, (id) => tokenizer.isSpecial(id), factor),
      ],
      ...(sample === undefined ? {} : { sample }),
    },
    rendered,
  };
}

/** What goes on of a request: the row, and which of the texts it is. */
interface OpenText {
  readonly text: number;
  readonly row: GenerateRow;
  readonly said: number[];
}

/** The steps of the texts that have not ended, from what they have said. */
async function* goOn(
  { model, tokenizer }: ModelInUse,
  open: readonly OpenText[],
  request: Omit<Parameters<typeof generate>[1], 'rows' | 'tokenizer'>,
  signal: AbortSignal | undefined,
): AsyncGenerator<GenerateStep, void> {
  const rows = open.map(({ row, said }) => ({ ...row, tokens: [...row.tokens, ...said] }));
  yield* generate(model, { ...request, rows, tokenizer }, signal ? { signal } : {});
}

/** @throws ExperimentError, PlanError or ChatTemplateError in a sentence, the signal's reason, or an Error when another model was loaded meanwhile */
export async function generateInSteps(
  request: GenerationRequest,
  { signal, onPart }: GenerationOptions,
  render: RenderChat,
  withModel: WithChattingModel,
): Promise<{ readonly elapsedMs: number }> {
  const started = performance.now();
  const { maxNewTokens, stop = [] } = request;
  const { source, open, settings } = await withModel(async (inUse) => {
    const files = (await inUse.checkpoint.generationFiles?.(signal)) ?? noFiles;
    const prepared: PreparedText[] = [];
    for (const text of request.texts) prepared.push(await prepare(text, inUse, files, render));
    const settings = endingOf(
      inUse.model.architecture,
      generationSettings(inUse.checkpoint.config, files, request.sampling),
    );
    const rows = prepared.map(({ row }) => row);
    const limits = tokenLimits(inUse.model, { rows, maxNewTokens });
    onPart?.({
      kind: 'started',
      texts: prepared.map(({ row, rendered }, text) => ({
        prompt: row.tokens,
        rendered,
        limit: limits[text] ?? { count: 0, reason: 'context' },
      })),
      ...settings,
    });
    const open = rows.map((row, text): OpenText => ({ text, row, said: [] }));
    return { source: inUse.source, open, settings };
  });
  const ended = new Set<number>();
  /** Of the run at hand: after a lost device only the texts that have not ended run. */
  let running: readonly OpenText[] = [];
  await runInSteps(
    withModel,
    async (inUse) => {
      // Preparing had a turn of its own: a model that was loaded since has other tokens.
      if (inUse.source !== source)
        throw new ExperimentError(
          'Another model was loaded before the text began. Generate it again with the model in use.',
        );
      running = open.filter(({ text }) => !ended.has(text));
      const { sampling, eosIds } = settings;
      return goOn(inUse, running, { maxNewTokens, stop, sampling, eosIds }, signal);
    },
    (step) => {
      const textOf = (row: number) => running[row]?.text ?? row;
      for (const { row, id } of step.tokens) running[row]?.said.push(id);
      for (const { row } of step.ended) ended.add(textOf(row));
      onPart?.({
        kind: 'step',
        pieces: step.tokens.map(({ row, id, position, logProbability, text }) => ({
          text: textOf(row),
          id,
          position,
          logProbability,
          shown: text,
        })),
        ended: step.ended.map(({ row, reason, text }) => ({ text: textOf(row), reason, shown: text })),
      });
    },
  );
  return { elapsedMs: performance.now() - started };
}
