// Where the model that an experiment names can be had.

import { embeddedModel } from '../model/embedded.ts';
import { defaultRevision } from './hubAddress.ts';

export type WantedModel =
  | { readonly kind: 'embedded' }
  | {
      readonly kind: 'hub';
      readonly repository: string;
      readonly revision: string | null;
      /** An ONNX file of it. */
      readonly file?: string;
    }
  /** Files of somebody's machine. */
  | { readonly kind: 'elsewhere' };

/** @param name as results and experiments write it: `owner/name@revision`, or the embedded model's own */
export function wantedModel(name: string, isEmbeddedServed: boolean): WantedModel {
  if (name === embeddedModel.label && isEmbeddedServed) return { kind: 'embedded' };
  const match = /^([\w.-]+\/[\w.-]+)(?:@([\w./-]+))?(?::([^:]+\.onnx))?$/.exec(name);
  if (match?.[1] === undefined) return { kind: 'elsewhere' };
  const [, repository, revision = null, file] = match;
  return { kind: 'hub', repository, revision, ...(file === undefined ? {} : { file }) };
}

/** The name of an experiment's model with its revision, as the label of a Hub model has it; other names stand as they are. */
export function modelName({
  model,
  revision,
}: {
  readonly model: string;
  readonly revision?: string | undefined;
}): string {
  return /^[\w.-]+\/[\w.-]+$/.test(model) ? `${model}@${revision ?? defaultRevision}` : model;
}

/** Whether the model of a label is the one that an experiment names. */
export const isNamed = (
  label: string,
  named: { readonly model: string; readonly revision?: string | undefined },
): boolean =>
  (label === named.model && named.revision === undefined) || modelName({ model: label }) === modelName(named);
