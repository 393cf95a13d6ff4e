// The model that is served beside the page, and the question whether this copy of the page has it.

import type { EmbeddedModel } from './modelStore.ts';

export const embeddedModel = {
  label: 'tiny-atlas',
  get url(): string {
    return new URL('./models/tiny-atlas/', document.baseURI).href;
  },
  isServed: async (): Promise<boolean> => {
    const response = await fetch(new URL('./models/tiny-atlas/config.json', document.baseURI));
    if (!response.ok) return false;
    // Some servers answer a missing file with the page itself.
    return response.headers.get('content-type')?.includes('json') ?? false;
  },
} as const satisfies EmbeddedModel;

export const isEmbedded = ({ label }: { readonly label: string }): boolean => label === embeddedModel.label;
