// What a GGUF file says of generating text: how a chat is written down, and its special tokens. It says nothing of sampling.

import { checkedTemplate } from '../chat/generationFiles.ts';
import type { GenerationFiles } from '../checkpoint.ts';
import type { GgufMetadata } from './ggufMetadata.ts';

export function ggufGenerationFiles(metadata: GgufMetadata): GenerationFiles {
  const template = metadata.optionalString('tokenizer.chat_template');
  const tokens = metadata.optionalStrings('tokenizer.ggml.tokens') ?? [];
  const special = ['bos', 'eos', 'unknown', 'padding'].flatMap((kind) => {
    const id = metadata.optionalId(`tokenizer.ggml.${kind}_token_id`);
    const text = id === undefined ? undefined : tokens[id];
    const name = { unknown: 'unk', padding: 'pad' }[kind] ?? kind;
    return text === undefined ? [] : [[`${name}_token`, text] as const];
  });
  return {
    generationConfig: {},
    chatTemplates: new Map(
      template === undefined ? [] : [['default', checkedTemplate(template, metadata.label)]],
    ),
    specialTokens: Object.fromEntries(special),
  };
}
