import { describe, expect, test } from 'vitest';
import { textWidth } from './lettering.ts';
import { layoutLines } from './lines.ts';
import type { Line, LinesDescription } from './linesDescription.ts';
import type { PathMark, TextMark } from './marks.ts';
import { type PlainFigure, plainFigureSvg } from './plainFigure.ts';
import { themes } from './theme.ts';

const described = (...lines: readonly Line[]): LinesDescription => ({
  title: 'A training',
  xTitle: 'steps',
  panels: [{ title: 'Loss', yTitle: 'nats', lines }],
});
const bare = { width: 300, theme: 'light', showsTitle: false } as const;
const { lines: inks, quietLine } = themes.light;

const texts = ({ marks }: PlainFigure): readonly TextMark[] => marks.filter((mark) => mark.kind === 'text');
const written = (figure: PlainFigure): readonly string[] =>
  texts(figure).map(({ runs }) => runs.map(({ text }) => text).join(''));
/** The strokes of lines, without their dots. */
const strokes = ({ marks, theme }: PlainFigure): readonly PathMark[] =>
  marks
    .filter((mark) => mark.kind === 'path')
    .filter(({ stroke = '', fill }) => [...theme.lines, theme.quietLine].includes(stroke) && !fill);
const dots = ({ marks, theme }: PlainFigure): readonly PathMark[] =>
  marks
    .filter((mark) => mark.kind === 'path')
    .filter(({ stroke = '', fill }) => [...theme.lines, theme.quietLine].includes(stroke) && fill);

/** Left, right, top and bottom of a text, a little more than its letters take. */
function boxOf({ x, y, size, anchor = 'start', runs, weight = 400 }: TextMark) {
  const width = textWidth(runs.map(({ text }) => text).join(''), size) * (weight > 400 ? 1.06 : 1);
  const left = anchor === 'end' ? x - width : anchor === 'middle' ? x - width / 2 : x;
  return { left, right: left + width, top: y - 0.8 * size, bottom: y + 0.25 * size };
}

test('a known point lands at its pixel', () => {
  const figure = layoutLines(
    described({
      name: 'loss',
      points: [
        [0, 0],
        [5, 1],
        [10, 2],
      ],
    }),
    bare,
  );
  // Numbers of the axis, `0.0`, are 1.58 * 11 = 17.4 wide and have a gap of 8: the plot begins at 26. To the right a margin
  // of 20, so it ends at 280. Title 18, name of the axis 15, gap 12: it begins at 45, is 200 high and ends at 245.
  expect(strokes(figure).map(({ d }) => d)).toEqual(['M26,245L153,145L280,45']);
  expect(written(figure)).toEqual(expect.arrayContaining(['0.0', '0.5', '2.0', '0', '10', 'steps']));
});

test('an axis of measures has decimals and both signs, and a spread is a band about the points that have one', () => {
  const points = [-1, 0, 1].map((x) => [x, x + 1] as const);
  const line = { name: 'effect', points, spread: [0, 0.5, null] } satisfies Line;
  const figure = layoutLines({ ...described(line), xKind: 'measure' }, bare);
  // The plot as above; -1 at its left, 1 at its right.
  expect(strokes(figure).map(({ d }) => d)).toEqual(['M26,245L153,145L280,45']);
  expect(written(figure)).toEqual(expect.arrayContaining(['−1.0', '−0.5', '0.0', '0.5', '1.0']));
  const bands = figure.marks.flatMap((mark) => (mark.kind === 'path' && mark.fillOpacity ? [mark.d] : []));
  // From 1.5 to 0.5 above 0; the last point has none.
  expect(bands).toEqual(['M26,245L153,95L153,195L26,245Z']);
  expect(figure.summary).toContain('effect from 0.00 ± 0.00 to 2.00.');
  expect(plainFigureSvg(figure)).toContain('fill-opacity=');
  // A spread widens the vertical axis, down to the least that a value can be.
  const wide = described({ ...line, spread: [null, 9, null] });
  expect(written(layoutLines({ ...wide, xKind: 'measure' }, bare))).toEqual(
    expect.arrayContaining(['10', '−10']),
  );
  const panels = wide.panels.map((panel) => ({ ...panel, least: 0 }));
  expect(written(layoutLines({ ...wide, panels }, bare))).toEqual(expect.arrayContaining(['10', '0']));
  expect(written(layoutLines({ ...wide, panels }, bare))).not.toContain('−10');
});

test('a NaN value breaks the line, and a point alone is drawn as a dot', () => {
  const points = [0, 1, Number.NaN, 3, Number.POSITIVE_INFINITY, 2, 1].map((y, x) => [x, y] as const);
  const figure = layoutLines(described({ name: 'loss', points }), bare);
  const [line] = strokes(figure);
  // Steps 0 and 1; 3 alone; 5 and 6. Infinity does not stretch the axis, whose end is 3.
  expect(line?.d.match(/M/g)).toHaveLength(3);
  expect(line?.d).not.toMatch(/NaN|Infinity/);
  expect(line?.d).toMatch(/^M26,245L[\d.]+,178\.33M153,45ZM/);
  expect(dots(figure).map(({ d }) => d.match(/M/g)?.length)).toEqual([1]);
  expect(dots(figure)[0]?.d).toMatch(/^M150\.25 45a/);
  expect(figure.summary).toBe(
    'Line chart over steps. Loss, nats: loss from 0.00 to 1.00, 2 values NaN or infinite.',
  );
});

test('an axis holds 0, its range and what lies beyond, and a constant line is level', () => {
  const level = (value: number, range?: readonly [number, number]) => {
    const line = { name: 'loss', points: [0, 1].map((x) => [x, value] as const) };
    const [panel] = described(line).panels;
    if (!panel) throw new Error('no panel');
    const figure = layoutLines({ ...described(), panels: [range ? { ...panel, range } : panel] }, bare);
    return strokes(figure)[0]?.d.match(/,([\d.]+)/g);
  };
  expect(level(0)).toEqual([',245', ',245']);
  expect(level(4)).toEqual([',45', ',45']);
  expect(level(-4)).toEqual([',245', ',245']);
  // A quarter of the way up; and the top of an axis that was widened to 2.
  expect(level(0.25, [0, 1])).toEqual([',195', ',195']);
  expect(level(2, [0, 1])).toEqual([',45', ',45']);
});

test('on a logarithmic axis each power of ten has the same height, and what is not above zero breaks the line', () => {
  const points = [1, 0.1, 0.01, 0.001].map((loss, index) => [index + 1, loss] as const);
  const figureOf = (line: Line) => {
    const { panels, ...rest } = described(line);
    return layoutLines({ ...rest, panels: panels.map((panel) => ({ ...panel, isLogarithmic: true })) }, bare);
  };
  const [stroke] = strokes(figureOf({ name: 'loss', points }));
  const heights = [...(stroke?.d ?? '').matchAll(/[ML][\d.]+,([\d.]+)/g)].map(([, y]) => Number(y));
  // 200 pixels of height for three powers.
  expect(heights.slice(1).map((y, at) => y - (heights[at] ?? 0))).toEqual([
    expect.closeTo(200 / 3, 1),
    expect.closeTo(200 / 3, 1),
    expect.closeTo(200 / 3, 1),
  ]);
  expect(written(figureOf({ name: 'loss', points }))).toEqual(
    expect.arrayContaining(['0.001', '0.01', '0.1', '1']),
  );
  const broken = figureOf({ name: 'loss', points: [...points, [5, 0], [6, -1], [7, 0.1], [8, 0.01]] });
  expect(strokes(broken)[0]?.d.match(/M/g)).toHaveLength(2);
  expect(broken.summary).toContain('2 values not above zero and not drawn');
  expect(written(figureOf({ name: 'loss', points: [[1, 0]] }))).toContain('no values yet');
});

test('without points there are axes and a word about it', () => {
  const cases: readonly (readonly Line[])[] = [
    [],
    [{ name: 'loss', points: [] }],
    [{ name: 'loss', points: [[3, Number.NaN]], isLabelled: true }],
  ];
  for (const lines of cases) {
    const figure = layoutLines(described(...lines), { ...bare, showsTitle: true });
    expect(strokes(figure)).toEqual([]);
    expect(written(figure)).toEqual(expect.arrayContaining(['0.0', '1.0', 'no values yet', 'steps']));
    expect(plainFigureSvg(figure)).not.toMatch(/NaN|Infinity|undefined/);
  }
});

test('dashes, weights and inks tell lines apart, and the strong ones lie above', () => {
  const points = [
    [0, 1],
    [1, 2],
  ] as const;
  const figure = layoutLines(
    {
      ...described(
        { name: 'best', points, ink: 1, dash: 'dashed' },
        { name: 'steps', points, weight: 'thin', ink: 2, dash: 'dotted' },
        { name: 'other', points, weight: 'quiet' },
      ),
      legend: [{ name: 'the others', weight: 'quiet', dash: 'dash-dotted' }],
    },
    bare,
  );
  expect(strokes(figure).map(({ stroke, strokeWidth, dash }) => [stroke, strokeWidth, dash])).toEqual([
    [quietLine, 1, undefined],
    [inks[2], 1, '2 2.5'],
    [inks[1], 2, '7 3'],
    [quietLine, 1, '8 3 2 3'],
  ]);
  expect(written(figure)).toContain('the others');
});

describe('text', () => {
  const name = 'a line with a name that is longer than anyone wants to read beside a plot';
  const crowd = Array.from({ length: 18 }, (_, index) => ({
    name: index % 2 ? `line ${index}` : `${name} ${index}`,
    points: [
      [0, 4],
      [index % 3 ? 50 : 20, index < 12 ? 0 : 3 + index / 10],
    ],
    isLabelled: true,
  })) satisfies readonly Line[];
  const panel = { title: 'Loss of the training', yTitle: 'cross-entropy of the label (nats)', lines: crowd };
  const figureOf = (width: number) =>
    layoutLines(
      {
        title: `The title of a figure. ${name}`,
        caption: `${name}. `.repeat(6),
        xTitle: 'steps',
        panels: [panel, { ...panel, references: [{ name, value: 4 }] }, { ...panel, lines: [] }],
        legend: [{ name }, { name, weight: 'quiet' }],
      },
      { width, theme: 'print', padding: 16 },
    );

  test.each([320, 640, 1200])('of a figure %d wide stays inside of it', (width) => {
    const figure = figureOf(width);
    const boxes = texts(figure).map(boxOf);
    expect(boxes.length).toBeGreaterThan(60);
    expect(Math.min(...boxes.map(({ left }) => left))).toBeGreaterThanOrEqual(0);
    expect(Math.max(...boxes.map(({ right }) => right))).toBeLessThanOrEqual(width);
    expect(Math.min(...boxes.map(({ top }) => top))).toBeGreaterThanOrEqual(0);
    expect(Math.max(...boxes.map(({ bottom }) => bottom))).toBeLessThanOrEqual(figure.height);
  });

  test.each([320, 640, 1200])('of a figure %d wide covers no other text', (width) => {
    const boxes = texts(figureOf(width)).map(boxOf);
    const overlaps = boxes.filter((a, index) =>
      boxes
        .slice(index + 1)
        .some((b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom),
    );
    expect(overlaps).toEqual([]);
  });
});

test('panels stand side by side, level and equally wide, while there is room for them', () => {
  const line = { name: 'loss', points: [[10, 1]], isLabelled: true } satisfies Line;
  const [panel] = described(line).panels;
  if (!panel) throw new Error('no panel');
  const panels = [panel, { ...panel, title: 'Width', yTitle: 'share, '.repeat(20) }];
  const starts = (width: number) => {
    const figure = layoutLines({ ...described(), panels }, { ...bare, width });
    return texts(figure)
      .filter(({ runs }) => runs[0]?.text === '0.0')
      .map(({ x, y }) => [x > width / 2, Math.round(y)]);
  };
  const [left, right] = starts(800);
  expect([left?.[0], right?.[0]]).toEqual([false, true]);
  expect(left?.[1]).toBe(right?.[1]);
  const [above, below] = starts(300);
  expect([above?.[0], below?.[0]]).toEqual([false, false]);
  expect(Number(below?.[1])).toBeGreaterThan(Number(above?.[1]) + 200);
});

test('the summary reads where lines begin and end, and the quiet ones together', () => {
  const line = (name: string, last: number, quiet = true): Line => ({
    name,
    points: [
      [1, 4],
      [2, last],
    ],
    ...(quiet ? { weight: 'quiet' } : {}),
  });
  const [panel] = described(line('layer 3', 0.125, false), line('a', 0.5), line('b', 2e6)).panels;
  if (!panel) throw new Error('no panel');
  const references = [{ name: 'chance', value: 0.5 }];
  const figure = layoutLines(
    { ...described(), caption: 'tiny-atlas.', panels: [{ ...panel, references, digits: 3 }] },
    bare,
  );
  expect(figure.summary).toBe(
    'Line chart over steps. Loss, nats: layer 3 from 4.000 to 0.125; 2 other lines end between 0.500 and 2.0e+6; chance 0.500. tiny-atlas.',
  );
});

test('a line may have more points than a call has arguments', () => {
  const points = Array.from({ length: 200_000 }, (_, x) => [x, x % 7] as const);
  const figure = layoutLines(described({ name: 'loss', points }), bare);
  expect(strokes(figure)[0]?.d.match(/L/g)).toHaveLength(199_999);
});

test.each(['light', 'dark'] as const)('lines are drawn as they were reviewed, %s', async (theme) => {
  const decay = Array.from({ length: 40 }, (_, step) => [step + 1, 4 * 0.9 ** step] as const);
  const ends = [10, 20, 30, 40].map((step) => [step, 1 - 0.9 ** step / 2] as const);
  const description: LinesDescription = {
    title: 'How <a> rotation was trained',
    caption: 'A model & 100 examples.',
    xTitle: 'steps',
    panels: [
      { title: 'Loss', yTitle: 'nats', lines: [{ name: 'each step', points: decay, isLabelled: true }] },
      {
        title: 'Accuracy',
        yTitle: 'share of examples',
        range: [0, 1],
        lines: [
          { name: 'test', points: ends, hasDots: true, isLabelled: true },
          {
            name: 'train',
            points: ends.map(([x, y]) => [x, y - 0.01]),
            hasDots: true,
            isLabelled: true,
            ink: 1,
            dash: 'dashed',
          },
        ],
        references: [{ name: 'majority', value: 0.625 }],
      },
    ],
    legend: [{ name: 'other sites', weight: 'quiet' }],
  };
  const svg = plainFigureSvg(layoutLines(description, { width: 800, theme, padding: 16 }));
  await expect(svg).toMatchFileSnapshot(`./__snapshots__/lines-${theme}.svg`);
});
