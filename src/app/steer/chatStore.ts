// Whether the model writes chats, and how it writes the one that stands there. A later edit takes the place of an earlier
// answer; another model asks anew.

import { createStore, type StoreApi } from 'zustand/vanilla';
import { messageOf } from '../../messages/wording.ts';
import type { Engine, TokenInfo } from '../../worker/protocol.ts';
import type { ModelStore } from '../model/modelStore.ts';
import type { ChatPassage } from './document.ts';

export interface ChatState {
  /** Whether the model in use has a template; null while that is not known. */
  readonly hasTemplate: boolean | null;
  /** What the model reads; null while nothing is asked or known. */
  readonly written: { readonly rendered: string; readonly tokens: readonly TokenInfo[] } | null;
  /** Why the template refuses the turns, in its words. */
  readonly problem: string | null;
  readonly follow: (chat: ChatPassage | null) => void;
}

export type ChatStore = StoreApi<ChatState>;

const pauseMs = 150;

const toWrite = ({ messages, reply }: ChatPassage) => ({
  turns: messages,
  ...(reply === undefined ? {} : { reply }),
});

const probe: ChatPassage = { messages: [{ role: 'user', content: 'Hello' }] };

export function createChatStore(engine: Engine, model: ModelStore): ChatStore {
  let asked = '';
  let timer: ReturnType<typeof setTimeout> | undefined;
  const store = createStore<ChatState>((set, get) => ({
    hasTemplate: null,
    written: null,
    problem: null,
    follow: (chat) => {
      const key = JSON.stringify(chat);
      if (key === asked) return;
      asked = key;
      clearTimeout(timer);
      if (chat === null) return set({ written: null, problem: null });
      timer = setTimeout(() => void write(chat, key), get().written === null ? 0 : pauseMs);
    },
  }));

  async function write(chat: ChatPassage, key: string): Promise<void> {
    const { info } = model.getState();
    if (info === null) return;
    const isWanted = () => asked === key && model.getState().info === info;
    try {
      const written = await engine.writeChat(toWrite(chat));
      if (!isWanted()) return;
      if (written === null) return store.setState({ written: null, problem: null, hasTemplate: false });
      const tokens = await engine.describeTokens(written.tokens);
      if (isWanted())
        store.setState({ written: { rendered: written.rendered, tokens }, problem: null, hasTemplate: true });
    } catch (cause) {
      if (isWanted()) store.setState({ written: null, problem: messageOf(cause), hasTemplate: true });
    }
  }

  async function ask(): Promise<void> {
    const { info } = model.getState();
    store.setState({ hasTemplate: null, written: null, problem: null });
    if (info === null) return;
    // A template that refuses is one.
    const hasTemplate = await engine.writeChat(toWrite(probe)).then(
      (written) => written !== null,
      () => true,
    );
    if (model.getState().info !== info) return;
    store.setState({ hasTemplate });
    const chat: ChatPassage | null = asked === '' ? null : JSON.parse(asked);
    if (chat !== null) void write(chat, asked);
  }

  model.subscribe((state, before) => {
    if (state.info !== before.info) void ask();
  });
  void ask();
  return store;
}
