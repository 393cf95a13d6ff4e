// The tokenizer that a folder brings in tokenizer.json and tokenizer_config.json.

import { CheckpointError, type Tokenizer } from '../checkpoint.ts';
import { type FileFolder, readJson } from '../sources/byteSource.ts';
import { buildTokenizer } from './tokenizer.ts';

/** @throws CheckpointError when tokenizer.json is missing or cannot be read */
export async function folderTokenizer(folder: FileFolder, signal?: AbortSignal): Promise<Tokenizer> {
  const json = await readJson(folder, 'tokenizer.json', signal);
  if (json === undefined) {
    throw new CheckpointError(
      `'tokenizer.json' is missing in ${folder.label}, so text cannot be turned into tokens. ` +
        "Add the file (Hugging Face's save_pretrained of the tokenizer writes it), or give token ids.",
    );
  }
  const config = await readJson(folder, 'tokenizer_config.json', signal);
  signal?.throwIfAborted();
  return buildTokenizer(json, config ?? {}, folder.label);
}
