import { expect, test } from 'vitest';
import { requireNode } from '../bin/nodeVersion.mjs';

test('a Node that is too old is told so, and which to install', () => {
  for (const version of ['20.19.0', '20.20.2', '22.12.0', '24.0.0', '26.1.0'])
    expect(() => requireNode(version)).not.toThrow();
  for (const version of ['12.22.12', '18.20.4', '20.18.3', '21.7.3', '22.11.0'])
    expect(() => requireNode(version)).toThrow(
      `Patchbay needs Node 20.19, or 22.12 or newer; this is Node ${version}. Install one of these.`,
    );
});
