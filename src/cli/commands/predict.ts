// `patchbay predict MODEL "text"`: the tokens of the text and the most probable next ones.

import { nextLogits, topCandidates } from '../../experiments/predict.ts';
import { readArguments, readChoice, readCount, UsageError } from '../arguments.ts';
import { withModel } from '../hostModel.ts';
import { formatTable, visibleToken } from '../terminal/table.ts';

export async function predictCommand(words: readonly string[]): Promise<number> {
  const args = readArguments(words, {
    backend: { type: 'string', default: 'node' },
    count: { type: 'string', default: '10' },
  });
  const [spec, text, ...rest] = args.positionals;
  if (!spec || text === undefined || rest.length > 0) {
    throw new UsageError('Usage: patchbay predict MODEL "text" [--count 10] [--backend node|wasm]');
  }
  const count = readCount(args.text('count') ?? '10', 'count');
  const kind = readChoice(args.text('backend') ?? 'node', 'backend', ['node', 'wasm']);
  await withModel(spec, kind, async (model, checkpoint) => {
    const tokenizer = await checkpoint.tokenizer();
    const ids = tokenizer.encode(text);
    if (ids.length === 0) throw new UsageError('The text has no tokens. Give at least one word.');
    // Vocabularies are padded: the model may know more ids than the tokenizer.
    const textOf = (id: number) =>
      id < tokenizer.vocabularySize ? visibleToken(tokenizer.tokenText(id)) : '(no text)';
    console.log(`${ids.length} tokens: ${ids.map(textOf).join(' | ')}\n`);
    const candidates = topCandidates(await nextLogits(model, ids), count);
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
