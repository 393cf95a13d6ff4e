// Chat templates in a page, under a deadline: each in a worker that is ended with it.

import { type ChatRequest, ChatTemplateError } from '../checkpoint/chat/chatTemplate.ts';
import type { GenerationFiles } from '../checkpoint/checkpoint.ts';
import type { TemplateAnswer, TemplateJob } from './chatTemplateWorker.ts';

const deadlineMs = 2000;

const startWorker = (): Worker =>
  new Worker(new URL('./chatTemplateWorker.ts', import.meta.url), { type: 'module' });

/**
 * @param start makes the worker
 * @throws ChatTemplateError when the template is missing, refuses the turns, or does not come to an end
 */
export function renderInWorker(
  files: GenerationFiles,
  request: ChatRequest,
  start: () => Pick<Worker, 'postMessage' | 'addEventListener' | 'terminate'> = startWorker,
): Promise<string> {
  const worker = start();
  return new Promise<string>((resolve, reject) => {
    const refuse = (message: string) => reject(new ChatTemplateError(message));
    const timer = setTimeout(
      () =>
        refuse(
          `The chat template did not come to an end within ${deadlineMs / 1000} seconds, and was stopped. Give the prompt as a text.`,
        ),
      deadlineMs,
    );
    worker.addEventListener('message', (event) => {
      clearTimeout(timer);
      // Both ends are built together.
      const answer = (event as MessageEvent<TemplateAnswer>).data;
      if ('text' in answer) resolve(answer.text);
      else refuse(answer.refusal);
    });
    worker.addEventListener('error', () => {
      clearTimeout(timer);
      refuse('The chat template could not be rendered, because its worker did not start. Reload the page.');
    });
    worker.postMessage({ files, request } satisfies TemplateJob);
  }).finally(() => worker.terminate());
}
