import { unzipSync } from 'fflate';
import { expect, test } from 'vitest';
import { architectureOf } from '../../architectures/registry.ts';
import { tinyCheckpoint, tinyConfigurations } from '../../runtime/fixtures/tinyCheckpoint.ts';
import { type Cable, emptyDocument, type Place } from './document.ts';
import type { PatchDraft } from './draft.ts';
import { pyveneZip } from './programs.ts';
import { wiringOf } from './wiring.ts';

const outline = architectureOf(tinyCheckpoint(tinyConfigurations.gpt2));
const at = (run: string, position: number): Place => ({
  run,
  component: 'block_output',
  layer: 0,
  positions: [position],
});
const data = Float32Array.from({ length: outline.width }, (_, i) => (i === 1 ? 1 : 0));
const trained: Cable = {
  id: 1,
  type: 'LowRankRotatedSpaceIntervention',
  from: at('source_0', 1),
  to: at('base', 1),
  settings: { lowRankDimension: 1 },
  parameters: { rotation: { shape: [outline.width, 1], data } },
};
const hanging: Cable = {
  ...trained,
  id: 2,
  from: at('source_0', 7),
  to: at('base', 7),
  parameters: { rotation: { shape: [outline.width, 1], data: data.map((_, i) => (i === 2 ? 1 : 0)) } },
};

test('a folder holds what was trained of the cables that fit, whatever hangs before them', () => {
  const document = { ...emptyDocument, base: 'b', sources: ['s'] };
  const draft: PatchDraft = {
    model: null,
    outline,
    tokens: { base: [1, 2, 3], sources: [[1, 9, 3]] },
    matching: [0, 1, 2],
    unitsOf: () => [],
    matchingOf: () => [0, 1, 2],
    answer: null,
    distractor: null,
    wiring: wiringOf({ ...document, cables: [trained] }, () => 3),
    written: null,
    experiment: null,
    problem: null,
    misfits: [{ id: 2, why: 'There is no position 7.' }],
  };
  const filesOf = (cables: readonly Cable[]) => {
    const zip = pyveneZip(draft, { seed: 0, cables });
    if (!zip.ok) throw new Error(zip.why);
    return unzipSync(zip.bytes);
  };
  const alone = filesOf([trained]);
  expect(Object.keys(alone).length).toBeGreaterThan(1);
  expect(filesOf([hanging, trained])).toEqual(alone);
});
