// Renders one chat template and says what came of it. A worker of its own, because a template can loop for ever and nothing
// but ending the worker stops it.

import { type ChatRequest, renderChat } from '../checkpoint/chat/chatTemplate.ts';
import type { GenerationFiles } from '../checkpoint/checkpoint.ts';
import { messageOf } from '../messages/wording.ts';

export interface TemplateJob {
  readonly files: GenerationFiles;
  readonly request: ChatRequest;
}

export type TemplateAnswer = { readonly text: string } | { readonly refusal: string };

addEventListener('message', ({ data }: MessageEvent<TemplateJob>) => {
  let answer: TemplateAnswer;
  try {
    answer = { text: renderChat(data.files, data.request) };
  } catch (error) {
    answer = { refusal: messageOf(error) };
  }
  postMessage(answer);
});
