import { expect, test } from 'vitest';
import { themes } from '../theme.ts';
import { cableWidth, drawCables } from './rackCables.ts';
import { type RackDescription, type RackPart, type SocketAddress, socketOf } from './rackDescription.ts';
import { layoutRack, socketAt, socketByKey, socketPoint } from './rackLayout.ts';
import { columnLabel, paintRack } from './rackPaint.ts';
import { placeOnScale } from './socketSprites.ts';

function partOf(run: string, layers: readonly number[], columns: number): RackPart {
  return {
    run,
    title: run,
    columns: Array.from({ length: columns }, (_, column) => ({
      text: ` w${column}`,
      kind: 'token',
      isDifferent: column === 1,
    })),
    layers,
    isFolded: false,
    sockets: layers.map((layer) =>
      Array.from({ length: columns }, (_, column) => ({ value: layer / 8, isMeasured: column % 2 === 0 })),
    ),
  };
}
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);
const description: RackDescription = {
  parts: [partOf('source_0', [1, 5], 3), partOf('base', upTo(8), 4)],
  scale: { colours: 'rdBu', start: -1, end: 1 },
};

test('every socket lies under its own point, and nothing else does', () => {
  const layout = layoutRack(description, 600);
  for (const part of description.parts) {
    for (const layer of part.layers) {
      for (let column = 0; column < part.columns.length; column++) {
        const address = { run: part.run, layer, column };
        const point = socketPoint(layout, address);
        expect(point && socketAt(layout, point)).toEqual(address);
      }
    }
  }
  const [source, base] = layout.parts;
  expect(socketAt(layout, { x: 10, y: ((source?.bottom ?? 0) + (base?.top ?? 0)) / 2 })).toBeUndefined();
  expect(socketAt(layout, { x: layout.columnWidth * 3.5, y: source?.rows[0] ?? 0 })).toBeUndefined();
  expect(socketPoint(layout, { run: 'source_0', layer: 2, column: 0 })).toBeUndefined();
});

test('layers go up', () => {
  const layout = layoutRack(description, 600);
  const y = (layer: number) => socketPoint(layout, { run: 'base', layer, column: 0 })?.y ?? Number.NaN;
  expect(y(7)).toBeLessThan(y(0));
});

test('a long prompt is wider than its figure, a short one fills it up to a limit', () => {
  const wide = layoutRack({ ...description, parts: [partOf('base', upTo(48), 64)] }, 800);
  expect(wide.contentWidth).toBeGreaterThan(800);
  expect(wide.rowHeight).toBe(14);
  expect(layoutRack(description, 300).columnWidth).toBeGreaterThanOrEqual(44);
  expect(layoutRack(description, 3000).columnWidth).toBe(76);
});

test('arrows walk through layers and from rack to rack', () => {
  const press = (key: string, others = {}) => ({
    key,
    ctrlKey: false,
    metaKey: false,
    altKey: false,
    ...others,
  });
  const by = (address: SocketAddress, key: string, others = {}) =>
    socketByKey(description, address, press(key, others));
  expect(by({ run: 'base', layer: 7, column: 3 }, 'ArrowUp')).toEqual({
    run: 'source_0',
    layer: 1,
    column: 2,
  });
  expect(by({ run: 'source_0', layer: 1, column: 2 }, 'ArrowUp')).toEqual({
    run: 'source_0',
    layer: 5,
    column: 2,
  });
  expect(by({ run: 'source_0', layer: 1, column: 0 }, 'ArrowDown')).toEqual({
    run: 'base',
    layer: 7,
    column: 0,
  });
  expect(by({ run: 'base', layer: 0, column: 0 }, 'ArrowDown')).toEqual({ run: 'base', layer: 0, column: 0 });
  expect(by({ run: 'base', layer: 3, column: 3 }, 'ArrowRight')).toEqual({
    run: 'base',
    layer: 3,
    column: 3,
  });
  expect(by({ run: 'base', layer: 6, column: 1 }, 'PageDown')).toEqual({ run: 'base', layer: 1, column: 1 });
  expect(by({ run: 'base', layer: 3, column: 1 }, 'End', { ctrlKey: true })).toEqual({
    run: 'base',
    layer: 0,
    column: 3,
  });
  expect(by({ run: 'base', layer: 3, column: 1 }, 'x')).toBeUndefined();
  expect(by({ run: 'base', layer: 3, column: 1 }, 'ArrowUp', { ctrlKey: true })).toBeUndefined();
});

test('a value lies on the scale where its share says, and what is beyond at its end', () => {
  expect([-2, -1, 0, 0.5, 3].map((value) => placeOnScale(description.scale, value))).toEqual([
    0, 0, 0.5, 0.75, 1,
  ]);
  expect(socketOf(description, { run: 'base', layer: 4, column: 1 })).toEqual({
    value: 0.5,
    isMeasured: false,
  });
});

test('a label that is longer than its column is cut at its end', () => {
  expect(columnLabel({ text: ' understanding', kind: 'token', isDifferent: false }, 60, 12)).toBe('·under…');
  expect(columnLabel({ text: '11', kind: 'head', isDifferent: false }, 20, 12)).toBe('11');
});

test('a cable hangs between the middles of what it names, the wider the stronger', () => {
  const layout = layoutRack(description, 600);
  const at = (run: string, layer: number, column: number) => ({ run, layer, column });
  const [whole, folded, alone] = drawCables(layout, [
    {
      id: 1,
      letter: 'A',
      line: 'whole',
      from: [at('source_0', 5, 0), at('source_0', 5, 1)],
      to: [at('base', 2, 0), at('base', 2, 1)],
      sign: null,
      strength: 1,
    },
    {
      id: 2,
      letter: 'B',
      line: 'whole',
      from: [at('source_0', 3, 0)],
      to: [at('base', 2, 0)],
      sign: null,
      strength: 0,
    },
    { id: 3, letter: 'C', line: 'whole', from: [], to: [at('base', 2, 0)], sign: '0', strength: null },
  ]);
  const y = layout.parts[0]?.rows[1];
  expect(whole?.path?.startsWith(`M${layout.columnWidth},${y}`)).toBe(true);
  expect([folded?.path, folded?.ends.length, alone?.path, alone?.ends.length]).toEqual([
    undefined,
    1,
    undefined,
    1,
  ]);
  expect(cableWidth(1)).toBe(6);
  expect(cableWidth(0)).toBe(2);
});

/** Counts what a canvas is asked for. */
function countingContext() {
  const counts: Record<string, number> = {};
  const context = new Proxy(
    {},
    {
      get: (_, name) => () => {
        counts[String(name)] = (counts[String(name)] ?? 0) + 1;
      },
      set: () => true,
    },
  );
  // A stand-in for the canvas: every method of it counts, every field takes.
  return { counts, context: context as CanvasRenderingContext2D };
}

test('only what is in view is painted, whatever the length of the prompt', () => {
  const painted = (columns: number) => {
    const layout = layoutRack({ ...description, parts: [partOf('base', upTo(48), columns)] }, 800);
    const { context, counts } = countingContext();
    paintRack(context, layout, { scrollLeft: 400, width: 800, theme: themes.light });
    return counts.arc ?? 0;
  };
  expect(painted(2000)).toBe(painted(64));
  expect(painted(64)).toBeLessThan(64 * 48 * 2);
});
