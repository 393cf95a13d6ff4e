import { expect, test } from 'vitest';
import { awkwardTrace, headMap, trace, unfinishedTrace } from './exampleFigures.ts';
import { layoutHeatmap } from './heatmap.ts';
import { escapeXml, heatmapSvg } from './svg.ts';

const pinned = {
  ...trace,
  pins: [
    { letter: 'A', panel: 1, location: 2, layer: 3 },
    { letter: 'B', panel: 2, location: 5, layer: 8 },
  ],
} as const;

/** The tags of a document in order, or the first thing that no XML document holds. */
function tagErrors(xml: string): readonly string[] {
  const errors: string[] = [];
  const open: string[] = [];
  const rest = xml.replace(
    /<(\/?)([\w]+)((?: [\w:-]+="[^"<&]*(?:&(?:amp|lt|gt|quot|apos);[^"<&]*)*")*)(\/?)>/g,
    (_, closing: string, name: string, _attributes: string, empty: string) => {
      if (closing) {
        const expected = open.pop();
        if (expected !== name) errors.push(`</${name}> closes <${expected}>`);
      } else if (!empty) open.push(name);
      return '';
    },
  );
  if (open.length > 0) errors.push(`open at the end: ${open.join(' ')}`);
  const stray = rest.replace(/&(amp|lt|gt|quot|apos);/g, '').match(/.{0,20}[<&].{0,20}/);
  if (stray) errors.push(`stray markup: ${stray[0]}`);
  return errors;
}

test.each([
  ['trace-light', pinned, 'light'],
  ['trace-dark', pinned, 'dark'],
  ['trace-unfinished', unfinishedTrace, 'light'],
  ['heads-diverging', headMap, 'light'],
  ['heads-diverging-dark', headMap, 'dark'],
  ['awkward-tokens-print', awkwardTrace, 'print'],
] as const)('the figure %s is drawn as it was reviewed', async (name, description, theme) => {
  const svg = heatmapSvg(layoutHeatmap(description, { width: 960, theme, padding: 24 }));
  expect(tagErrors(svg)).toEqual([]);
  await expect(svg).toMatchFileSnapshot(`./__snapshots__/${name}.svg`);
});

test('text from outside is escaped, and what XML cannot hold is replaced', () => {
  expect(escapeXml(`<a href="x">&'`)).toBe('&lt;a href=&quot;x&quot;&gt;&amp;&apos;');
  expect(escapeXml('a\u0000b\ud800c\uffff')).toBe('a\ufffdb\ufffdc\ufffd');
  expect(escapeXml(' 👩🏽‍🚀 שלום')).toBe(' 👩🏽‍🚀 שלום');
});

test('a file is complete in itself: title, description, size and fonts, and nothing to fetch', () => {
  const svg = heatmapSvg(layoutHeatmap(awkwardTrace, { width: 600, theme: 'light' }));
  expect(svg).toMatch(
    /^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" width="600" height="\d+" viewBox="0 0 600 \d+"/,
  );
  expect(svg).toContain('>Tokens &lt;like&gt; &amp; &quot;these&quot;</title>');
  expect(svg).toContain('font-family="system-ui');
  expect(svg).toContain(trace.caption);
  expect(svg.replace('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:|href|<style|<script/);
});

test('every fill that names a definition finds it', () => {
  const svg = heatmapSvg(layoutHeatmap(unfinishedTrace, { width: 960, theme: 'dark' }), { prefix: 'one' });
  const defined = new Set([...svg.matchAll(/ id="([^"]+)"/g)].map((match) => match[1]));
  const used = new Set([...svg.matchAll(/url\(#([^)]+)\)/g)].map((match) => match[1]));
  expect([...used].filter((name) => !defined.has(name))).toEqual([]);
  expect([...used].toSorted()).toEqual(['one-hatch', 'one-ramp-0', 'one-ramp-1', 'one-ramp-2']);
});
