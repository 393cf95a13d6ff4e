// Makes of a kind's definition, which has types of its own, one that has none: every function takes any experiment or
// result and makes sure that it is the kind's. What the kind itself has read or grown is known again without a second
// look; anything else, such as a clone that came through a port, is read by the schema.

import { openedModelOf } from '../imported/openedModels.ts';
import { ExperimentError } from './experimentFile.ts';
import { halfCheck } from './halfCheck.ts';
import type {
  AnyExperiment,
  AnyResult,
  Growth,
  KindDefinition,
  ReadyExperiment,
  RunOptions,
  TypedKind,
  Update,
} from './kind.ts';
import { wordsOf } from './labels.ts';
import { type Deviation, precisionCsv, precisionTable } from './precision.ts';
import { isOfDevice, isOfWeights } from './resultParts.ts';
import { notesOfRun, runNotices } from './runNotices.ts';
import type { Shown } from './shown.ts';
import { requireText } from './watched.ts';

/** @throws ExperimentError for a name that no unit has */
function checkedUnits(leaveOut: readonly string[], units: readonly string[]): ReadonlySet<string> {
  const known = new Set(units);
  const foreign = leaveOut.find((name) => !known.has(name));
  if (foreign === undefined) return new Set(leaveOut);
  const some = units.slice(0, 8).map((name) => `'${name}'`);
  throw new ExperimentError(
    `The experiment has no unit '${foreign}'. Its units are ${some.join(', ')}${units.length > some.length ? ` and ${units.length - some.length} more` : ''}.`,
  );
}

/** Beside what a kind shows: how far a result in float16 is from float32. */
const withPrecision = (shown: Shown, { precision }: AnyResult): Shown =>
  precision
    ? { ...shown, tables: [...shown.tables, { name: precisionTable, csv: () => precisionCsv(precision) }] }
    : shown;

export function defineKind<Experiment extends AnyExperiment, Result extends AnyResult, Resolved, Change>(
  definition: KindDefinition<Experiment, Result, Resolved, Change>,
): TypedKind<Experiment, Result> {
  const { name, resultName, words } = definition;
  const experiments = new WeakMap<object, Experiment>();
  const results = new WeakMap<object, Result>();
  const keptExperiment = (experiment: Experiment): Experiment => {
    experiments.set(experiment, experiment);
    return experiment;
  };
  const keptResult = (result: Result): Result => {
    results.set(result, result);
    return result;
  };
  const read = (value: unknown) => keptExperiment(definition.read(value));
  const readResult = (value: unknown) => keptResult(definition.readResult(value));
  const ownExperiment = (value: AnyExperiment) => experiments.get(value) ?? read(value);
  const ownResult = (value: AnyResult) => results.get(value) ?? readResult(value);
  const isOwn = (result: AnyResult) => result.kind === resultName && result.experiment.kind === name;

  function growth(): Growth<Result, Update> {
    const grown = definition.growth();
    const noted = notesOfRun<Result>();
    return {
      get result() {
        return grown.result && keptResult(noted.on(grown.result));
      },
      take({ of, change, notice, deviation }) {
        if (of !== name)
          throw new ExperimentError(`An update of the kind '${of}' cannot change a result of '${name}'.`);
        if (notice) noted.take(notice);
        if (deviation) noted.takeDeviation(deviation);
        if (notice || deviation) return;
        // What comes under this name is what this definition's run has yielded, perhaps on the other side of a port: both
        // sides are built together, and nothing else writes to it.
        grown.take(change as Change);
      },
    };
  }

  const { measured } = definition;
  const halfProblem = measured
    ? undefined
    : `${words.title} is computed in float32: float16 is for traces, patches and paths. Choose float32 (f32).`;

  return {
    name,
    resultName,
    words,
    halfProblem,
    read,
    readResult,
    own: (result) => (isOwn(result) ? ownResult(result) : undefined),
    hasText: (experiment) => definition.hasText(ownExperiment(experiment)),
    withFiles: async (experiment, read) => {
      const own = ownExperiment(experiment);
      return definition.withFiles ? keptExperiment(await definition.withFiles(own, read)) : own;
    },
    metricProblem: (experiment, metric) => definition.metricProblem(ownExperiment(experiment), metric),
    growth,
    withTexts: (result, textOf) => {
      const own = ownResult(result);
      return definition.withTexts ? keptResult(definition.withTexts(own, textOf)) : own;
    },
    count: (result) => definition.count(ownResult(result)),
    isComplete: (result) => {
      const { done, total } = definition.count(ownResult(result));
      return done === total;
    },
    show: (result, options = {}) => withPrecision(definition.show(ownResult(result), options), result),
    async resolve(architecture, tokenizer, experiment, options = {}): Promise<ReadyExperiment> {
      const noPrompts = openedModelOf(architecture)?.noPrompts;
      if (noPrompts !== undefined && definition.needsPrompts !== false)
        throw new ExperimentError(
          `${noPrompts} ${definition.words.indefinite[0]?.toUpperCase()}${definition.words.indefinite.slice(1)} is of prompts; a sweep of tensors ('tensors') is for this model.`,
        );
      if (!definition.readsBeside) requireText(architecture);
      const work = await definition.work();
      const resolved = await work.resolve(architecture, tokenizer, ownExperiment(experiment), options);
      const units = () => work.units(architecture, resolved);
      const words = wordsOf(architecture, tokenizer);
      const textOf = words ? { textOf: words } : {};
      return {
        estimate: () => ({ ...work.estimate(architecture, resolved), units: units() }),
        unitsDone: (result) => work.unitsDone(architecture, resolved, ownResult(result)),
        async *run(model, { earlier, leaveOut = [], ...options }: RunOptions = {}) {
          const isHalf = model.precision === 'float16';
          if (isHalf && halfProblem !== undefined) throw new ExperimentError(halfProblem);
          const left = checkedUnits(leaveOut, leaveOut.length > 0 ? units() : []);
          // What other weights, another backend or precision gave is no part of this result, which names one of each.
          const own = earlier && ownResult(earlier);
          const past = own && isOfWeights(own, model) && isOfDevice(own, model) ? { earlier: own } : {};
          const started = { ...past, ...textOf, leaveOut: left };
          const changes = work.run(model, resolved, { ...options, ...started });
          const notices = runNotices(model, past.earlier);
          let deviation = past.earlier?.precision?.deviation;
          const { signal } = options;
          const first = { ...started, ...(signal ? { signal } : {}), isFirstBatchOnly: true };
          const check =
            isHalf && measured && !deviation
              ? halfCheck(model, measured, (full) => work.run(full, resolved, first))
              : undefined;
          for await (const change of changes) {
            yield { of: name, change };
            for (const notice of notices.splice(0)) yield { of: name, change: null, notice };
            const known: Deviation | undefined = deviation ?? (await check?.take(change));
            deviation = undefined;
            if (known) yield { of: name, change: null, deviation: known };
          }
        },
      };
    },
  };
}
