// Texts that would do something if a page took them for more than text, and the question whether it did. Random, with a seed,
// out of pieces that have broken pages before.

import { expect, type Page } from '@playwright/test';
import { seeded } from '../src/checkpoint/expected/smallFiles.ts';

/** A host that nobody has: a request to it is a failure. */
const elsewhere = '//elsewhere.invalid';

const pieces = [
  '<img src=x onerror="ran=1">',
  `<img src="${elsewhere}/1">`,
  '<script>ran=1</script>',
  '"><svg onload=ran=1>',
  `' onpointerover='ran=1' autofocus onfocus='ran=1`,
  'javascript:ran=1',
  '<a href="javascript:ran=1" target=_blank>',
  `<iframe src="${elsewhere}/2" srcdoc="<script>parent.ran=1</script>">`,
  `</title></style></textarea></script></text><link rel=stylesheet href="${elsewhere}/3">`,
  `<style>@import "${elsewhere}/4";*{background:url(${elsewhere}/5)}</style>`,
  `url(${elsewhere}/6)`,
  `<base href="${elsewhere}/">`,
  `<meta http-equiv=refresh content="0;url=https:${elsewhere}/7">`,
  `<form action="${elsewhere}/8"><button autofocus>`,
  ['$', '{ran=1}`'].join(''),
  '{{constructor.constructor("ran=1")()}}',
  '&lt;img src=x onerror=ran=1&gt;&#60;script&#62;ran=1',
  ']]><foreignObject><img src=x onerror=ran=1></foreignObject><![CDATA[',
  `<?xml-stylesheet href="${elsewhere}/9"?><!DOCTYPE x [<!ENTITY e SYSTEM "${elsewhere}/10">]>&e;`,
  '\u202e\u2066<x onclick=ran=1>\u2069',
  '\u0000\u0007\ufffe',
  '__proto__',
  'constructor',
];

const joins = ['', ' ', '\n', '"', "'", '>', '\\', '\t', '-->', '*/'];

/** @returns so many texts, of one to three pieces each, every piece among them when there are enough */
export function hostileTexts(count: number, seed: number): readonly string[] {
  const below = seeded(seed);
  const pick = (all: readonly string[]) => all[below(all.length)] ?? '';
  return Array.from({ length: count }, (_, index) => {
    const more = Array.from({ length: below(3) }, () => pick(joins) + pick(pieces));
    return [pieces[index % pieces.length] ?? '', ...more].join('');
  });
}

/** Watches what a page asks for and is refused; call before it is opened. */
export async function watchTexts(page: Page): Promise<{ readonly expectOnlyText: () => Promise<void> }> {
  const asked: string[] = [];
  page.on('request', (request) => asked.push(request.url()));
  page.on('popup', (popup) => asked.push(`a window of ${popup.url()}`));
  page.on('dialog', (dialog) => {
    // A page that is left while it computes asks, as it should.
    if (dialog.type() !== 'beforeunload') asked.push(`a dialog: ${dialog.message()}`);
    void dialog.accept();
  });
  await page.addInitScript(() => {
    const refused: string[] = [];
    Object.assign(window, { refused });
    addEventListener('securitypolicyviolation', ({ effectiveDirective, blockedURI }) =>
      refused.push(`${effectiveDirective} ${blockedURI}`),
    );
  });
  return {
    expectOnlyText: async () => {
      const found = await page.evaluate(() => {
        const own = (address: string | null) =>
          address !== null && new URL(address, document.baseURI).href.startsWith(location.origin);
        const isOurs = (element: Element) => {
          const { localName } = element;
          if (localName === 'script') return own(element.getAttribute('src'));
          if (localName === 'link') return own(element.getAttribute('href'));
          return localName === 'meta' && element.getAttribute('http-equiv') !== 'refresh';
        };
        const strange = [
          'script',
          'link',
          'meta',
          'img',
          'image',
          'iframe',
          'object',
          'embed',
          'base',
          'style',
        ]
          .flatMap((name) => [...document.querySelectorAll(name)])
          .filter((element) => !isOurs(element))
          .map(({ outerHTML }) => outerHTML);
        const attributes = [...document.querySelectorAll('*')].flatMap((element) =>
          [...element.attributes]
            .filter(
              ({ name, value }) =>
                name.startsWith('on') ||
                name === 'srcdoc' ||
                (/^(href|src|xlink:href|action|formaction)$/.test(name) &&
                  /^\s*\w+:/.test(value) &&
                  !own(value)),
            )
            .map(({ name, value }) => `${element.localName} ${name}=${value}`),
        );
        return {
          strange,
          attributes,
          ran: 'ran' in window,
          refused: 'refused' in window ? window.refused : 'the page was not watched',
        };
      });
      expect(found).toEqual({ strange: [], attributes: [], ran: false, refused: [] });
      expect(
        asked.filter(
          (address) => !/^(http:\/\/(localhost|127\.0\.0\.1):\d+\/|blob:|data:image)/.test(address),
        ),
      ).toEqual([]);
    },
  };
}
