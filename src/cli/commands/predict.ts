// `patchbay predict MODEL "text"`: the tokens of the text and the most probable next ones, or those at its mask.

import { nextLogits, topCandidates } from '../../experiments/predict.ts';
import { tokenizerOf, tokenLabel } from '../../experiments/tokens.ts';
import { watchedPosition } from '../../experiments/watched.ts';
import { formatTable, visibleToken } from '../../figures/textTable.ts';
import { readChoice, readCount, UsageError } from '../arguments.ts';
import { type Arguments, type Command, modelNote, usageOf } from '../command.ts';
import { withModel } from '../hostModel.ts';
import { idsOption, readIds } from '../promptIds.ts';
import { readThreads, threadsOption } from '../threads.ts';

async function run(args: Arguments): Promise<number> {
  const given = args.text('ids');
  const [spec, text, ...rest] = args.positionals;
  if (!spec || (text === undefined) === (given === undefined) || rest.length > 0)
    throw new UsageError(usageOf(command));
  const prompt = text ?? readIds(given ?? '');
  const count = readCount(args.text('count') ?? '10', 'count');
  const kind = readChoice(args.text('backend') ?? 'node', 'backend', ['node', 'wasm']);
  const threads = readThreads(args, kind);
  await withModel(spec, kind, { threads }, async (model, checkpoint) => {
    const tokenizer = await tokenizerOf(checkpoint, typeof prompt === 'string');
    const ids = typeof prompt === 'string' ? (tokenizer?.encode(prompt) ?? []) : prompt;
    if (ids.length === 0) throw new UsageError('The text has no tokens. Give at least one word.');
    const textOf = (id: number) => visibleToken(tokenLabel(id, tokenizer));
    console.log(`${ids.length} tokens: ${ids.map(textOf).join(' | ')}\n`);
    const position = watchedPosition(model.architecture, ids, tokenizer, 'the text');
    const candidates = topCandidates(await nextLogits(model, ids, { position }), count);
    if (!model.architecture.isCausal) console.log(`At the mask, position ${position}:\n`);
    const rows = candidates.map(({ id, logit, probability }) => [
      textOf(id),
      `${(probability * 100).toFixed(2)} %`,
      logit.toFixed(3),
      String(id),
    ]);
    console.log(formatTable([['token', 'probability', 'logit', 'id'], ...rows], new Set([1, 2, 3])));
  });
  return 0;
}

export const command: Command = {
  name: 'predict',
  about: 'the tokens of a text and the most probable next ones, or those at its mask',
  positionals: 'MODEL "text"',
  options: {
    ids: idsOption,
    count: { value: 'N', about: 'how many next tokens; default 10' },
    backend: { value: 'node|wasm', about: 'default node' },
    threads: threadsOption,
  },
  notes: [modelNote],
  run,
};
