// An experiment of any page as the fragment of a link: `{ trace: ..., view: ... }`, defaults left out. What comes from a link
// is checked by the schemas of both before anything on the page changes.

import * as v from 'valibot';
import { decodeLink, encodeLink, LinkError, withoutDefaults } from '../../share/link.ts';
import { type FigureView, initialView, viewSchema } from './figureView.ts';

/** What a link asks of a page. */
export interface LinkedPage {
  /** What it calls its experiment. */
  readonly noun: string;
  /** How its figures are looked at before anything is chosen: what a link leaves out. */
  readonly look?: FigureView | undefined;
}

export interface Shared {
  /** Of the kind that the experiment is of. */
  readonly name: string;
  /** As the kind's own schema has yet to read it. */
  readonly experiment: unknown;
  readonly view: FigureView;
}

/**
 * @param brief the experiment, without what reading fills in again
 * @param first how the page's figures are looked at before anything is chosen
 * @returns `#v1.…`
 */
export function experimentLink(
  name: string,
  brief: unknown,
  view: FigureView,
  first: FigureView = initialView,
): Promise<string> {
  const look = withoutDefaults(view, first);
  return encodeLink(withoutDefaults({ [name]: brief, view: look }, { view: {} }));
}

/**
 * @param fragment of an address, `#` included
 * @param pages that there are, by the name of their kind
 * @throws LinkError in a sentence that says what to do
 */
export async function readLink(fragment: string, pages: ReadonlyMap<string, LinkedPage>): Promise<Shared> {
  const content = await decodeLink(fragment);
  const parts = v.safeParse(v.record(v.string(), v.unknown()), content);
  const { view, ...experiments } = parts.success ? parts.output : {};
  const [name, ...others] = Object.keys(experiments);
  const first = name === undefined ? undefined : pages.get(name)?.look;
  const given = v.safeParse(v.optional(v.record(v.string(), v.unknown()), {}), view);
  const look = v.safeParse(viewSchema, given.success ? { ...first, ...given.output } : view);
  if (name === undefined || others.length > 0 || !pages.has(name) || !look.success) {
    const nouns = [...pages.values()].map(({ noun }) => noun).join(' or ');
    throw new LinkError(`The link holds no ${nouns} that this page knows. Open it where it was made.`);
  }
  return { name, experiment: experiments[name], view: look.output };
}
