// onnxruntime-node, for the command line and the tests.

import { availableParallelism } from 'node:os';
import * as ort from 'onnxruntime-node';
import type { Backend } from './backend.ts';
import { HostBackend, sharedCores } from './hostBackend.ts';

/** @param threads for one operator; default: the cores of the machine */
export function createNodeBackend(threads = availableParallelism()): Backend {
  return new HostBackend({
    kind: 'node',
    description: `${threads} ${threads === 1 ? 'thread' : 'threads'}`,
    copiesInputs: false,
    multipliesBlocks: true,
    ort,
    sessionOptions: {
      executionProviders: ['cpu'],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      graphOptimizationLevel: 'all',
      logSeverityLevel: 3,
      extra: sharedCores,
    },
  });
}
