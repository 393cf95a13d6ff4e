import { expect, test } from 'vitest';
import { readTraceExperiment } from '../../experiments/trace/experiment.ts';
import { encodeLink } from '../../share/link.ts';
import { tracePage } from '../trace/page.ts';
import { initialView } from './figureView.ts';
import { experimentLink, readLink } from './link.ts';

const experiment = readTraceExperiment({
  kind: 'trace',
  version: 1,
  model: 'tiny-atlas',
  prompt: 'The Eiffel Tower is located in the city of',
  subject: [1, 4],
  streams: [
    { component: 'block_output', window: 1 },
    { component: 'mlp_output', window: 3 },
  ],
});
const page = tracePage([]);
const pages = new Map([['trace', { noun: 'trace' }]]);
const read = async (fragment: string) => {
  const shared = await readLink(fragment, pages);
  return { experiment: readTraceExperiment(shared.experiment), view: shared.view };
};

test('an experiment and its view come back from a link as they went in', async () => {
  const view = {
    ...initialView,
    metric: 'rank',
    pins: [{ letter: 'B', panel: 1, location: 2, layer: 3 }],
  } as const;
  const changed = { ...experiment, corruption: { kind: 'noise', level: 0.1, samples: 3, seed: 9 } } as const;
  expect(await read(await experimentLink('trace', page.brief(changed), view))).toEqual({
    experiment: changed,
    view,
  });
});

test('defaults are left out, which keeps links short', async () => {
  const link = await experimentLink('trace', page.brief(experiment), initialView);
  expect(link.length).toBeLessThan(300);
  expect(await read(link)).toEqual({ experiment, view: initialView });
});

test('a link that holds something else is refused in a sentence', async () => {
  await expect(read(await encodeLink({ steer: {} }))).rejects.toThrow(/holds no trace/);
  await expect(read(await encodeLink({ trace: { ...experiment, version: 9 } }))).rejects.toThrow(
    /Use a newer Patchbay/,
  );
  await expect(read(await encodeLink({ trace: experiment, view: { pins: [1] } }))).rejects.toThrow(
    /holds no/,
  );
  await expect(read(await encodeLink({ trace: experiment, patch: {} }))).rejects.toThrow(/holds no/);
  await expect(read('#v1.abc')).rejects.toThrow(/damaged/);
});
