// The cables as a program for another library, or why there can be none; and as the folder that pyvene loads.

import { zipSync } from 'fflate';
import type { ExportedCode } from '../../interventions/export/exported.ts';
import { exportNnsight } from '../../interventions/export/nnsight.ts';
import { exportPyvene } from '../../interventions/export/pyvene.ts';
import { exportTransformerLens } from '../../interventions/export/transformerLens.ts';
import { exportTypeScript } from '../../interventions/export/typescript.ts';
import { writePyveneFolder } from '../../interventions/pyvene/pyveneFolder.ts';
import { toPyveneFolder } from '../../interventions/pyvene/savedFolder.ts';
import { messageOf } from '../../messages/wording.ts';
import type { PatchDocument } from './document.ts';
import { type PatchDraft, parametersOf } from './draft.ts';
import { checkWiring } from './reading.ts';

export const languages = [
  { name: 'pyvene', title: 'pyvene' },
  { name: 'transformerLens', title: 'TransformerLens' },
  { name: 'nnsight', title: 'nnsight' },
  { name: 'typescript', title: 'Patchbay' },
] as const;

export type Language = (typeof languages)[number]['name'];

const exporters = {
  pyvene: exportPyvene,
  transformerLens: exportTransformerLens,
  nnsight: exportNnsight,
  typescript: exportTypeScript,
};

type Drawn = Pick<PatchDocument, 'seed' | 'cables'>;

/** The program of the current cables. */
export function programOf(
  { outline, model, tokens, wiring }: PatchDraft,
  { seed, cables }: Drawn,
  language: Language,
): ExportedCode {
  if (!outline || !model || !tokens || !wiring)
    return { ok: false, why: 'There is a program once a cable hangs.' };
  try {
    const { resolved, call } = checkWiring(outline, wiring, tokens, {
      seed,
      parameters: parametersOf(cables, wiring),
    });
    return exporters[language]({ model: model.label, architecture: outline, configuration: resolved, call });
  } catch (cause) {
    return { ok: false, why: messageOf(cause) };
  }
}

/** @returns a zip of the folder, or why pyvene could not load it */
export function pyveneZip(
  { outline, tokens, wiring }: PatchDraft,
  { seed, cables }: Drawn,
):
  | { readonly ok: true; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly ok: false; readonly why: string } {
  if (!outline || !tokens || !wiring) return { ok: false, why: 'There is a folder once a cable hangs.' };
  try {
    const { resolved } = checkWiring(outline, wiring, tokens, {
      seed,
      parameters: parametersOf(cables, wiring),
    });
    const files = writePyveneFolder(toPyveneFolder(resolved));
    // A copy: what the archive is made of may lie in a larger buffer.
    return { ok: true, bytes: new Uint8Array(zipSync(Object.fromEntries(files))) };
  } catch (cause) {
    return { ok: false, why: messageOf(cause) };
  }
}
