import { expect, test } from 'vitest';
import { architectureOf } from '../../architectures/registry.ts';
import { tinyCheckpoint, tinyConfigurations } from '../../runtime/fixtures/tinyCheckpoint.ts';
import { type Cable, emptyDocument, type PatchDocument, type Place } from './document.ts';
import type { PatchDraft } from './draft.ts';
import { editedCables } from './edited.ts';
import { wiringText } from './reading.ts';
import { wiringOf } from './wiring.ts';

const outline = architectureOf(tinyCheckpoint(tinyConfigurations.gpt2));
const tokens = { base: [1, 2, 3], sources: [[1, 9, 3]] };
const at = (run: string, position: number): Place => ({
  run,
  component: 'block_output',
  layer: 0,
  positions: [position],
});
const { width } = outline;
const rotation = {
  shape: [width, 1],
  data: Float32Array.from({ length: width }, (_, i) => (i === 1 ? 1 : 0)),
};
const trained: Cable = {
  id: 1,
  type: 'LowRankRotatedSpaceIntervention',
  from: at('source_0', 1),
  to: at('base', 1),
  settings: { lowRankDimension: 1 },
  parameters: { rotation },
};
const hanging: Cable = {
  id: 2,
  type: 'VanillaIntervention',
  from: at('source_0', 7),
  to: at('base', 7),
  settings: {},
};
const document: PatchDocument = {
  ...emptyDocument,
  base: 'b',
  sources: ['s'],
  cables: [trained, hanging],
};
const wiring = wiringOf({ ...document, cables: [trained] }, () => 3);
const draft: PatchDraft = {
  model: null,
  outline,
  tokens,
  matching: [0, 1, 2],
  unitsOf: () => [],
  matchingOf: () => [0, 1, 2],
  answer: null,
  distractor: null,
  wiring,
  written: wiring,
  experiment: null,
  problem: null,
  misfits: [{ id: 2, why: 'There is no position 7.' }],
};
const textOf = (cable: Cable) => wiringText(wiringOf({ ...document, cables: [cable] }, () => 3));

test('an edit of the JSON keeps the parameters that still fit, and the cables that hang unused', () => {
  const { cables } = editedCables(textOf({ ...trained, to: at('base', 2) }), document, draft);
  expect(cables.map(({ to }) => to.positions)).toEqual([[2], [7]]);
  expect(cables[0]?.parameters).toEqual({ rotation });
  expect(editedCables('{}', document, draft).cables).toEqual([{ ...hanging, id: 1 }]);
});

test('an edit that leaves trained parameters without a place is refused', () => {
  const wider = { ...trained, settings: { lowRankDimension: 2 } };
  const deeper = { ...trained, to: { ...trained.to, layer: 1 } };
  for (const other of [wider, deeper])
    expect(() => editedCables(textOf(other), document, draft)).toThrow(
      'Cable A brings parameters of its own, and they do not fit what stands here',
    );
});
