import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readInterveneResult } from '../../experiments/intervene/result.ts';
import { initialState, type PageState, surroundingsOf } from '../experiment/session.ts';
import type { PatchDocument } from './document.ts';
import { storedEffect } from './effectStore.ts';
import { documentOf } from './opened.ts';
import { type PatchTypes, patchPage } from './page.ts';

const folder = `${import.meta.dirname}/../../../examples/intervene/results/`;
const definition = patchPage([]);

test.each(readdirSync(folder))(
  'the stored result %s stands under its own prompts, before the model is there',
  (name) => {
    const result = readInterveneResult(JSON.parse(readFileSync(folder + name, 'utf8')));
    const found = (document: PatchDocument) => {
      const opened: PageState<PatchTypes> = {
        ...initialState(definition),
        history: { ...initialState(definition).history, present: document },
        shown: { result, key: '', origin: 'stored', elapsedMs: null, difference: null },
      };
      const draft = definition.derive(document, surroundingsOf(definition, opened));
      return storedEffect({ ...opened, draft });
    };
    const document = documentOf(result.experiment);
    expect(found(document)).toBe(result);
    expect(found({ ...document, view: { ...document.view, component: 'mlp_output' } })).toBe(result);
    expect(found({ ...document, base: `${document.base} a` })).toBeNull();
    expect(found({ ...document, cables: document.cables.slice(1), seed: document.seed + 1 })).toBeNull();
  },
);
