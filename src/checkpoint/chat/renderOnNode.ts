// Chat templates on Node, under a deadline: V8 stops a script that runs too long, and all that it has called with it. A page
// has no such clock and renders in a worker that it ends.

import { createContext, Script } from 'node:vm';
import type { GenerationFiles } from '../checkpoint.ts';
import { type ChatRequest, ChatTemplateError, renderChat } from './chatTemplate.ts';

const deadlineMs = 2000;

/** @throws ChatTemplateError as `renderChat` does, and when the template does not come to an end */
export function renderChatOnNode(files: GenerationFiles, request: ChatRequest): string {
  const call = new Script('render()');
  try {
    return String(
      call.runInContext(createContext({ render: () => renderChat(files, request) }), { timeout: deadlineMs }),
    );
  } catch (error) {
    if (error instanceof ChatTemplateError) throw error;
    // It comes from the script's own realm, whose errors are none of ours.
    if (
      typeof error === 'object' &&
      error !== null &&
      'code' in error &&
      error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'
    )
      throw new ChatTemplateError(
        `The chat template did not come to an end within ${deadlineMs / 1000} seconds, and was stopped. Give the prompt as a text.`,
      );
    throw error;
  }
}
