// `patchbay predict MODEL "text"`: the tokens of the text and the most probable next ones, or those at its mask.

import { nextLogits, topCandidates } from '../../experiments/predict.ts';
import { predictionDeviation } from '../../experiments/predictInFull.ts';
import { tokenizerOf, tokenLabel } from '../../experiments/tokens.ts';
import { watchedPosition } from '../../experiments/watched.ts';
import { formatTable, visibleToken } from '../../figures/textTable.ts';
import { readCount, UsageError } from '../arguments.ts';
import {
  deviceOption,
  hostBackendOption,
  hostBackends,
  precisionOption,
  readBackend,
  readDevice,
  readPrecision,
  readWeights,
  weightsOption,
} from '../backendOptions.ts';
import { type Arguments, type Command, modelNote, usageOf } from '../command.ts';
import { withFittingModel } from '../fittingModel.ts';
import { hasInputFile, readSource, sourceOptions } from '../modelSource.ts';
import { idsOption, readIds } from '../promptIds.ts';
import { readThreads, threadsOption } from '../threads.ts';

async function run(args: Arguments): Promise<number> {
  const given = args.text('ids');
  const [spec, text, ...rest] = args.positionals;
  const isWritten = text !== undefined || given !== undefined;
  if (
    !spec ||
    (text !== undefined && given !== undefined) ||
    !(isWritten || hasInputFile(args)) ||
    rest.length > 0
  )
    throw new UsageError(usageOf(command));
  const prompt = text ?? (given === undefined ? undefined : readIds(given));
  const count = readCount(args.text('count') ?? '10', 'count');
  const kind = readBackend(args, hostBackends);
  const host = {
    threads: readThreads(args, kind),
    device: readDevice(args, kind),
    residency: readWeights(args, kind),
    precision: readPrecision(args, kind),
  };
  /** Where the model had to be opened again, what was said stays said. */
  let isSaid = false;
  const say = (text: string): void => {
    if (!isSaid) console.log(text);
  };
  await withFittingModel(spec, kind, host, async (model, checkpoint) => {
    const tokenizer = await tokenizerOf(checkpoint, typeof prompt === 'string' && !model.architecture.input);
    const { architecture } = model;
    const read = await readSource({ architecture, checkpoint, tokenizer, args }, prompt);
    const ids =
      read?.tokens ?? (typeof prompt === 'string' ? (tokenizer?.encode(prompt) ?? []) : (prompt ?? []));
    const start = read?.start ?? ({ kind: 'tokens', tokens: ids } as const);
    // What is refused is refused before thousands of tokens are listed.
    if (ids.length > 0 || architecture.input) model.schedule({ rows: [{ start, edits: [] }], reads: [] });
    const { labels } = architecture;
    const textOf = (id: number) => visibleToken(labels?.[id] ?? tokenLabel(id, tokenizer));
    const listed = (tokens: readonly number[]) =>
      `${tokens.length} tokens: ${tokens.map(textOf).join(' | ')}\n`;
    if (read?.source?.kind === 'tokens') say(`Source, ${listed(read.source.tokens)}`);
    if (!architecture.input) {
      if (ids.length === 0) throw new UsageError('The text has no tokens. Give at least one word.');
      say(listed(ids));
    }
    isSaid = true;
    const isMasked = !architecture.isCausal && !architecture.input;
    const position = isMasked ? watchedPosition(architecture, ids, tokenizer, 'the text') : undefined;
    const at = position === undefined ? {} : { position };
    const logits = await nextLogits(model, start, at);
    const candidates = topCandidates(logits, count);
    if (isMasked) console.log(`At the mask, position ${position}:\n`);
    const rows = candidates.map(({ id, logit, probability }) => [
      textOf(id),
      `${(probability * 100).toFixed(2)} %`,
      logit.toFixed(3),
      String(id),
    ]);
    console.log(
      formatTable([[labels ? 'class' : 'token', 'probability', 'logit', 'id'], ...rows], new Set([1, 2, 3])),
    );
    if (model.precision === 'float16')
      console.log(`\n${await predictionDeviation(model, start, at, logits)}`);
  });
  return 0;
}

export const command: Command = {
  name: 'predict',
  about:
    'the tokens of a text and the most probable next ones, or those at its mask; the classes of a picture',
  positionals: 'MODEL "text"',
  options: {
    ids: idsOption,
    ...sourceOptions,
    count: { value: 'N', about: 'how many next tokens; default 10' },
    backend: hostBackendOption,
    device: deviceOption,
    weights: weightsOption,
    precision: precisionOption,
    threads: threadsOption,
  },
  notes: [modelNote],
  run,
};
