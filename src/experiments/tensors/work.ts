// A sweep of tensors as work for a model. Where no model runs, the kind is enough.

import type { KindWork } from '../kind.ts';
import type { TensorsExperiment } from './experiment.ts';
import { cellCount, type ResolvedTensors, resolveTensors } from './resolve.ts';
import { holdsLayer, type TensorsChange, type TensorsResult } from './result.ts';
import { runTensors, tensorsUnits, unitCost } from './run.ts';

/** Numbers of the largest tensor that is edited, as many as rows may hold at once. */
const bytesOf = ({ panels }: ResolvedTensors): number =>
  64 *
  Float32Array.BYTES_PER_ELEMENT *
  Math.max(
    ...panels.flatMap(({ layers }) =>
      layers.map(({ grid }) => grid.shape.reduce((product, size) => product * size, 1)),
    ),
  );

export const tensorsWork: KindWork<TensorsExperiment, TensorsResult, ResolvedTensors, TensorsChange> = {
  resolve: resolveTensors,
  estimate: (_, resolved) => {
    const passes = tensorsUnits(resolved).reduce((sum, unit) => sum + unitCost(resolved, unit), 0);
    return {
      count: cellCount(resolved),
      rowLayers: passes,
      tokenLayers: passes,
      steps: 0,
      bytes: bytesOf(resolved),
      notices: [],
      targets: [],
    };
  },
  units: (_, resolved) => tensorsUnits(resolved).map(({ name }) => name),
  unitsDone: (_, resolved, result) =>
    tensorsUnits(resolved)
      .filter(({ panel, at }) => holdsLayer(result, panel, at))
      .map(({ name }) => name),
  run: runTensors,
};
