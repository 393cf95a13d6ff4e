// Where the parts of Patchbay lie that are files: the page, the embedded model, its own description. This module lies two
// folders deep in a checkout (src/cli) as in a package (dist/node), which is why one path does for both.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');

/** Whether this is a checkout, with what only developing needs. */
export const isCheckout = existsSync(join(root, 'src'));

/** The built page; in a checkout it may be missing, or older than its sources. */
export const pageFolder = join(root, 'dist/page');

/** The folders of the embedded models. */
export const modelsFolder = isCheckout ? join(root, 'models') : join(pageFolder, 'models');

export const version: string = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version;
