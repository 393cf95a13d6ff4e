// The small tokenizers that make_tokenizers.py wrote, for the tests.
import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import type { Tokenizer } from '../checkpoint.ts';
import { buildTokenizer } from '../tokenizer/tokenizer.ts';

const ids = v.array(v.array(v.number()));
const caseSchema = v.object({
  config: v.record(v.string(), v.unknown()),
  model_type: v.string(),
  texts: v.array(v.string()),
  ids,
  places: v.array(v.array(v.nullable(v.tuple([v.number(), v.number()])))),
});
const expectedSchema = v.object({
  tokenizers: v.record(v.string(), v.unknown()),
  cases: v.array(v.object({ ...caseSchema.entries, tokenizer: v.string(), file_ids: v.optional(ids) })),
  folders: v.array(
    v.object({ ...caseSchema.entries, vocab: v.record(v.string(), v.number()), merges: v.string() }),
  ),
});

/** What Transformers makes of each. */
export function expectedTokenizers(): v.InferOutput<typeof expectedSchema> {
  return v.parse(
    expectedSchema,
    JSON.parse(readFileSync(new URL('tokenizers.expected.json', import.meta.url), 'utf8')),
  );
}

/** One of them by its name, without a configuration. */
export async function expectedTokenizer(name: string): Promise<Tokenizer> {
  return buildTokenizer(expectedTokenizers().tokenizers[name], {}, name);
}
