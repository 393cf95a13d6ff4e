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

/** Parameters of the cables that the wiring holds: those that hang without fitting are not in it. */
function wiredParameters({ wiring, misfits }: PatchDraft, { cables }: Drawn) {
  const fitting = cables.filter(({ id }) => misfits.every((misfit) => misfit.id !== id));
  return wiring ? parametersOf(fitting, wiring) : {};
}

/** The program of the current cables. */
export function programOf(draft: PatchDraft, drawn: Drawn, language: Language): ExportedCode {
  const { outline, model, tokens, wiring } = draft;
  if (!outline || !model || !tokens || !wiring)
    return { ok: false, why: 'There is a program once a cable hangs.' };
  if (model.reads)
    return {
      ok: false,
      why: `This page writes no program of a ${model.family} model, since it has not the numbers that the model reads. The library writes one: give its 'exportCode' this configuration.`,
    };
  try {
    const { resolved, call } = checkWiring(outline, wiring, tokens, {
      seed: drawn.seed,
      parameters: wiredParameters(draft, drawn),
    });
    return exporters[language]({ model: model.label, architecture: outline, configuration: resolved, call });
  } catch (cause) {
    return { ok: false, why: messageOf(cause) };
  }
}

/** @returns a zip of the folder, or why pyvene could not load it */
export function pyveneZip(
  draft: PatchDraft,
  drawn: Drawn,
):
  | { readonly ok: true; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly ok: false; readonly why: string } {
  const { outline, tokens, wiring } = draft;
  if (!outline || !tokens || !wiring) return { ok: false, why: 'There is a folder once a cable hangs.' };
  try {
    const { resolved } = checkWiring(outline, wiring, tokens, {
      seed: drawn.seed,
      parameters: wiredParameters(draft, drawn),
    });
    const files = writePyveneFolder(toPyveneFolder(resolved, outline));
    // A copy: what the archive is made of may lie in a larger buffer.
    return { ok: true, bytes: new Uint8Array(zipSync(Object.fromEntries(files))) };
  } catch (cause) {
    return { ok: false, why: messageOf(cause) };
  }
}
