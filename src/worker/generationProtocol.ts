// What the page asks of the engine for a text, and what it reports while the text grows. Plain data only.

import type { ChatTurn } from '../checkpoint/chat/chatTemplate.ts';
import type { TrainedText } from '../experiments/finetune/spoken.ts';
import type { GivenPrompt } from '../experiments/givenPrompt.ts';
import type { SteeringFile } from '../experiments/steer/steering.ts';
import type { EndReason } from '../runtime/generation/generate.ts';
import type { SamplingOptions } from '../runtime/generation/sampling/sampling.ts';
import type { SettingOrigin } from '../runtime/generation/settings.ts';

/** Text or token ids as they stand, these with what the model reads beside them, or turns that its own template writes down. */
export type GenerationPrompt =
  | { readonly kind: 'given'; readonly given: GivenPrompt }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'tokens'; readonly tokens: readonly number[] }
  | { readonly kind: 'chat'; readonly turns: readonly ChatTurn[] };

/** One text of a comparison: they run together. */
export interface GenerationText {
  readonly prompt: GenerationPrompt;
  /** Vectors of files are not read in the worker: they stand in it as numbers. */
  readonly steering?: SteeringFile;
  /** On every strength of the steering; default 1. */
  readonly factor?: number;
  /** A trained adapter that it is generated with. */
  readonly adapter?: TrainedText;
  /** Texts of one sample share their random numbers; default 0. */
  readonly sample?: number;
}

export interface GenerationRequest {
  readonly texts: readonly GenerationText[];
  /** Of each text. */
  readonly maxNewTokens: number;
  /** What is not given is the model's own. */
  readonly sampling?: SamplingOptions;
  readonly stop?: readonly string[];
}

/** What is known before the first token, for each text. */
export interface StartedText {
  readonly prompt: readonly number[];
  /** What the template has written; null for a prompt that was no chat. */
  readonly rendered: string | null;
  /** New tokens at most, and what the limit comes from. */
  readonly limit: { readonly count: number; readonly reason: 'length' | 'context' };
}

export interface GeneratedPiece {
  readonly text: number;
  readonly id: number;
  readonly position: number;
  /** Natural logarithm, before temperature and filters. */
  readonly logProbability: number;
  /** What has become certain with it: never half a character. */
  readonly shown: string;
}

export interface EndedText {
  readonly text: number;
  readonly reason: EndReason;
  /** What was held back. */
  readonly shown: string;
}

export type GenerationPart =
  | {
      readonly kind: 'started';
      readonly texts: readonly StartedText[];
      readonly sampling: SamplingOptions;
      readonly eosIds: readonly number[];
      /** What the model's file asks for and nothing here does. */
      readonly notices: readonly string[];
      /** Where each option that is in force comes from. */
      readonly origins: Readonly<Record<string, SettingOrigin>>;
    }
  | {
      readonly kind: 'step';
      readonly pieces: readonly GeneratedPiece[];
      readonly ended: readonly EndedText[];
    };

export interface GenerationOptions {
  readonly signal?: AbortSignal;
  readonly onPart?: (part: GenerationPart) => void;
}

export interface ChatToWrite {
  /** Where the last is the assistant's own, its text is gone on from. */
  readonly turns: readonly ChatTurn[];
  /** How the reply begins; default as the model likes. */
  readonly reply?: string;
}

/** A chat as the model reads it. */
export interface WrittenChat {
  /** What the template has written, up to where the reply begins. */
  readonly rendered: string;
  /** Ids, without a second set of special tokens. */
  readonly tokens: readonly number[];
}

export interface GenerationCalls {
  /**
   * What the model's own template makes of a chat, before anything is generated; null for a model without a template.
   * @throws ChatTemplateError in the template's words where it refuses the turns, or does not come to an end
   */
  writeChat(chat: ChatToWrite): Promise<WrittenChat | null>;
  /**
   * Generate texts side by side. What has been handed over stays when the call is aborted. A device that is lost costs the
   * step at hand: the texts go on from what they have said.
   */
  generate(request: GenerationRequest, options?: GenerationOptions): Promise<{ readonly elapsedMs: number }>;
}
