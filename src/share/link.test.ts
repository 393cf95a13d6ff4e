import { deflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { decodeLink, encodeLink, isLink, LinkError, withoutDefaults } from './link.ts';

const content = {
  experiment: { prompt: 'Der Turm 🗼 steht in', subject: [1, 4], seed: 1 },
  view: { metric: 'probability' },
};

describe('links', () => {
  test('open as what was put into them, emoji and all', async () => {
    const link = await encodeLink(content);
    expect(link).toMatch(/^#v1\.[A-Za-z0-9_-]+$/);
    expect(isLink(link)).toBe(true);
    expect(await decodeLink(link)).toEqual(content);
  });

  test('of a few hundred bytes of JSON stay comfortably short', async () => {
    const large = {
      ...content,
      streams: ['block_output', 'mlp_output', 'attention_output'],
      note: 'restore one state at a time '.repeat(8),
    };
    expect((await encodeLink(large)).length).toBeLessThan(350);
  });

  test('with any one character missing are refused with a LinkError', async () => {
    const link = await encodeLink(content);
    for (let at = 4; at < link.length; at++) {
      await expect(
        decodeLink(link.slice(0, at) + link.slice(at + 1)),
        `without character ${at}`,
      ).rejects.toThrow(LinkError);
    }
  });

  test('that are cut off say that a part is missing', async () => {
    const link = await encodeLink(content);
    await expect(decodeLink(link.slice(0, -9))).rejects.toThrow('a part of it is missing');
  });

  test('of a newer version say so', async () => {
    await expect(decodeLink('#v2.abc')).rejects.toThrow('version 2; this page reads version 1');
  });

  test('that unpack to something huge are stopped on the way', async () => {
    const bomb = `#v1.${deflateSync(JSON.stringify('a'.repeat(3 * 2 ** 20))).toString('base64url')}`;
    expect(bomb.length).toBeLessThan(10_000);
    await expect(decodeLink(bomb)).rejects.toThrow('unpacks to more than 1048576 bytes');
  });

  test('are made of nothing that would not open again', async () => {
    const most = 'a'.repeat(2 ** 20 - 2);
    expect(await decodeLink(await encodeLink(most))).toBe(most);
    await expect(encodeLink(`${most}a`)).rejects.toThrow(
      'It has 1,048,577 bytes as JSON, and a link holds at most 1,048,576. Save it as JSON',
    );
  });
});

describe('defaults', () => {
  test('are left out at every depth, and laid over them the rest is whole again', () => {
    const defaults = { a: 1, deep: { b: 2, list: [1, 2] }, c: 'x' };
    const value = { a: 1, deep: { b: 3, list: [1, 2] }, c: 'y', d: 4 };
    const short = withoutDefaults(value, defaults);
    expect(short).toEqual({ deep: { b: 3 }, c: 'y', d: 4 });
  });
});
