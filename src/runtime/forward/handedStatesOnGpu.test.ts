// Rows of the state-space models that begin with a state, on WebGPU.

import { test } from 'vitest';
import { dawnDevice, openDawnBackend } from '../fixtures/dawnBackend.ts';
import { configurations, expectSameRows } from '../fixtures/handedRows.ts';
import { handsStates } from './handedStates.ts';

const device = await dawnDevice();
const reason = 'reason' in device ? ` (skipped: ${device.reason})` : '';

// Software computes as a GPU would, slowly.
test.skipIf(!('number' in device))(
  `rows of both state-space models that begin with a state equal rows run from their tokens${reason}`,
  async () => {
    const backend = await openDawnBackend('number' in device ? device.number : 'null');
    for (const [name, config] of configurations.slice(0, 2))
      await expectSameRows(name, config, backend, handsStates);
    await backend.close();
  },
);
