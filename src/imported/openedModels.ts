// Which of the engine's models stand for a file that somebody brought. Experiments on named tensors ask here for the file behind
// the model that they are given; all others ask whether it can be prompted.

import type { Architecture } from '../architectures/architecture.ts';
import type { BesideFile } from './besideFile.ts';
import type { ImportedModel } from './importedModel.ts';

export interface OpenedModel {
  readonly imported: ImportedModel;
  readonly beside: BesideFile;
  /** Why it reads no prompts, or predicts none, in a sentence; absent where it does. */
  readonly noPrompts?: string;
}

const opened = new WeakMap<Architecture, OpenedModel>();

export function rememberOpened(architecture: Architecture, model: OpenedModel): void {
  opened.set(architecture, model);
}

/** @returns undefined for a model of the engine's own families */
export const openedModelOf = (architecture: Architecture): OpenedModel | undefined =>
  opened.get(architecture);
