// A folder that pyvene saved as cables. It says where interventions are, and not at which positions: those are the last ones,
// until a person moves them.

import type { Architecture } from '../../architectures/architecture.ts';
import { interventionKeys } from '../../interventions/configuration/configuration.ts';
import { InterventionError } from '../../interventions/intervention.ts';
import { type PyveneFiles, readPyveneFolder } from '../../interventions/pyvene/pyveneFolder.ts';
import { fromPyveneFolder } from '../../interventions/pyvene/savedFolder.ts';
import type { FoundFile } from '../model/modelFiles.ts';
import type { PatchDocument } from './document.ts';
import { lengthIn } from './draft.ts';
import { cablesOf, type PromptTokens, withoutEmpty } from './reading.ts';

/** Files by their names, whatever folder they lie in; a zip is not opened here. */
export function pyveneFilesOf(files: readonly FoundFile[]): PyveneFiles {
  const byName = new Map(files.map(({ path, file }) => [path.split('/').at(-1) ?? path, file]));
  return {
    label: files[0]?.path.split('/')[0] ?? 'the folder',
    names: () => [...byName.keys()],
    read: async (name) => new Uint8Array((await byName.get(name)?.arrayBuffer()) ?? new ArrayBuffer(0)),
  };
}

/**
 * @throws CheckpointError when a file is damaged or would run code, InterventionError when it does not fit the model
 */
export async function openPyveneFolder(
  architecture: Architecture,
  files: readonly FoundFile[],
  tokens: PromptTokens,
): Promise<Pick<PatchDocument, 'cables' | 'mode'>> {
  const { configuration, parameters } = fromPyveneFolder(
    await readPyveneFolder(pyveneFilesOf(files)),
    architecture,
  );
  const given = withoutEmpty(tokens);
  const lastIn = (run: string, component: string) =>
    lengthIn(given, architecture)({ run: given.sources.length === 0 ? 'base' : run, component }) - 1;
  const side = (run: string) =>
    configuration.representations.map(({ unit, component }) => {
      const position = lastIn(run, component);
      const heads = [[0]];
      if (unit === 'h') return heads;
      return unit === 'pos' ? [[position]] : [heads, [[position]]];
    });
  if (configuration.mode === 'serial')
    throw new InterventionError(
      'The folder runs its sources in series. Paste its configuration with its locations into the JSON instead.',
    );
  const read = cablesOf(
    architecture,
    {
      configuration,
      unitLocations: { 'sources->base': [side('source_0'), side('base')] },
      subspaces: null,
    },
    given,
    { parameters },
  );
  const keys = interventionKeys(configuration);
  return {
    ...read,
    cables: read.cables.map((cable, index) => {
      const own = parameters[keys[index] ?? ''];
      return own && Object.keys(own).length > 0 ? { ...cable, parameters: own } : cable;
    }),
  };
}
