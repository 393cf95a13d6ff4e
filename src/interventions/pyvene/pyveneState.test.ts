import { expect, test } from 'vitest';
import { interventionType } from '../types/registry.ts';
import { pyveneTypes } from './pyveneState.ts';

test.each(Object.entries(pyveneTypes))(
  '%s is saved with every parameter that its type has',
  (name, { parameters }) => {
    expect(Object.keys(parameters ?? {}).sort()).toEqual(
      Object.keys(interventionType(name, name).shapes).sort(),
    );
  },
);
