// Where a Vulkan driver lies that needs no GPU: Chromium brings one, SwiftShader, and a loader for it. It is how WebGPU is
// tested where there is no GPU.

import { existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

export interface SoftwareDriver {
  /** The file that describes it to a Vulkan loader. */
  readonly description: string;
  /** Chromium's own loader, where it is there. */
  readonly loader?: string;
}

const descriptionName = 'vk_swiftshader_icd.json';

/** Where Playwright keeps browsers. */
function playwrightFolders(): readonly string[] {
  const cache = process.env.PLAYWRIGHT_BROWSERS_PATH ?? join(homedir(), '.cache/ms-playwright');
  if (!existsSync(cache)) return [];
  return readdirSync(cache)
    .filter((name) => name.startsWith('chromium'))
    .flatMap((name) => ['chrome-linux', 'chrome-linux64'].map((own) => join(cache, name, own)));
}

/** @returns undefined where no Chromium is found */
export function findSoftwareDriver(): SoftwareDriver | undefined {
  const named = process.env.PATCHBAY_CHROMIUM;
  const folders = [
    ...(named ? [dirname(named)] : []),
    ...[
      '/usr/lib/chromium',
      '/usr/lib/chromium-browser',
      '/usr/lib64/chromium-browser',
      '/opt/google/chrome',
    ],
    ...playwrightFolders(),
  ];
  const folder = folders.find((each) => existsSync(join(each, descriptionName)));
  if (folder === undefined) return undefined;
  const loader = join(folder, 'libvulkan.so.1');
  return { description: join(folder, descriptionName), ...(existsSync(loader) ? { loader } : {}) };
}
