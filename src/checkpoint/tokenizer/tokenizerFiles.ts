// The tokenizer that a folder brings: tokenizer.json, or vocab.json and merges.txt as the oldest folders have them, and
// tokenizer_config.json beside either.
import * as v from 'valibot';
import { CheckpointError, type ModelConfiguration, type Tokenizer } from '../checkpoint.ts';
import { type FileFolder, readJson, readText } from '../sources/byteSource.ts';
import { vocabularyJson } from './pythonReading.ts';
import { residueTokenizer } from './residueTokenizer.ts';
import { buildTokenizer } from './tokenizer.ts';

/**
 * @param model the model's config.json, whose family decides what tokenizer_config.json leaves open
 * @throws CheckpointError when there is no tokenizer, or one that cannot be read
 */
export async function folderTokenizer(
  folder: FileFolder,
  model: ModelConfiguration,
  signal?: AbortSignal,
): Promise<Tokenizer> {
  const modelType = typeof model.model_type === 'string' ? model.model_type : undefined;
  const json = await readJson(folder, 'tokenizer.json', signal);
  if (json === undefined && modelType === 'esm') {
    const residues = await readText(folder, 'vocab.txt', signal);
    if (residues !== undefined)
      return buildTokenizer(residueTokenizer(residues), {}, folder.label, modelType);
  }
  const vocab = json === undefined ? await readJson(folder, 'vocab.json', signal) : undefined;
  if (json === undefined && vocab === undefined) {
    throw new CheckpointError(
      `'tokenizer.json' is missing in ${folder.label}, so text cannot be turned into tokens. ` +
        "Add the file (Hugging Face's save_pretrained of the tokenizer writes it), or give token ids.",
    );
  }
  const config = (await readJson(folder, 'tokenizer_config.json', signal)) ?? {};
  const built = json ?? (await fromVocabulary(folder, vocab, config, modelType, signal));
  signal?.throwIfAborted();
  return buildTokenizer(built, config, folder.label, modelType);
}

async function fromVocabulary(
  folder: FileFolder,
  vocab: unknown,
  config: unknown,
  modelType: string | undefined,
  signal?: AbortSignal,
): Promise<unknown> {
  const merges = await readText(folder, 'merges.txt', signal);
  if (merges === undefined) {
    throw new CheckpointError(
      `'merges.txt' is missing in ${folder.label}, which has a vocab.json, so text cannot be turned into tokens. ` +
        'Add the file, or give token ids.',
    );
  }
  const words = v.safeParse(v.record(v.string(), v.number()), vocab);
  if (!words.success) {
    throw new CheckpointError(
      `'vocab.json' in ${folder.label} is not an object of tokens and ids. Fetch the file again.`,
    );
  }
  return vocabularyJson(words.output, mergesOf(merges), config, modelType, folder.label);
}

/** The merges of a file, the first line of which may name its version. */
function mergesOf(text: string): readonly string[] {
  return text.split(/\r?\n/).filter((line) => line !== '' && !line.startsWith('#version'));
}
