// Where the tests find reference results: the folders committed here (made by expected/make.py), and those that lie
// beside the repository where someone has put them.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import { knownModelTypes } from '../../architectures/registry.ts';

export interface ReferenceFolder {
  readonly name: string;
  readonly path: string;
  readonly modelPath: string;
}

const modelTypeSchema = v.looseObject({ model_type: v.string() });

/** Folders of results on models of a family that is supported. Empty when the folder is not there. */
function foldersOf(root: string): readonly ReferenceFolder[] {
  if (!existsSync(root)) return [];
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => ({ name, path: join(root, name), modelPath: join(root, name, 'model') }))
    .filter(({ modelPath }) => {
      const config: unknown = JSON.parse(readFileSync(join(modelPath, 'config.json'), 'utf8'));
      return knownModelTypes.includes(v.parse(modelTypeSchema, config).model_type);
    });
}

const pathOf = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

export const committedRoot = pathOf('./expected');
export const committedFolders = foldersOf(committedRoot);
/** Larger models of every family, with more cases. */
export const neighbouringFolders = foldersOf(pathOf('../../../../shared/reference/fixtures'));
