// What was trained at a site, for elsewhere: a cable on the Patch page, a vector on the Steer page, the folder that pyvene
// loads, and the numbers as safetensors.

import { zipSync } from 'fflate';
import { safetensorsBytes } from '../../checkpoint/safetensors/written.ts';
import type { LearnedSite } from '../../experiments/align/learned.ts';
import { numbersOfText } from '../../experiments/align/numbersText.ts';
import { maskName, positionsIn } from '../../experiments/align/sitePosition.ts';
import type { AlignTask, TaskExample } from '../../experiments/align/task.ts';
import { siteNames, trainedFolder, trainedIntervention } from '../../experiments/align/trained.ts';
import { positionWord } from '../../experiments/align/words.ts';
import { ExperimentError } from '../../experiments/experimentFile.ts';
import { choiceWords, type SiteChoice } from './variants.ts';

/** `align-layer-3-position-name` */
export const siteStem = ({ result, index }: SiteChoice): string =>
  `align-${siteNames(result)[index] ?? index}`;

/** The folder that pyvene loads, with the result beside it, so that it opens here again; pyvene looks at its own files alone. */
export function pyveneZipOf({ result, index }: SiteChoice): Uint8Array<ArrayBuffer> {
  const files = {
    ...Object.fromEntries(trainedFolder(result, index)),
    'result.json': new TextEncoder().encode(`${JSON.stringify(result)}\n`),
  };
  // A copy: what the archive is made of may lie in a larger buffer.
  return new Uint8Array(zipSync(files));
}

/** The trained parameters by their names, and the direction that separates the values best, as far as it was read. */
export function safetensorsOf({ site }: SiteChoice, learned: LearnedSite | null): Uint8Array<ArrayBuffer> {
  const parameters = Object.entries(site.parameters).map(
    ([name, text]) => [name, { shape: text.shape, data: numbersOfText(text, name) }] as const,
  );
  const direction = learned && { shape: [learned.direction.length], data: learned.direction };
  return safetensorsBytes(
    new Map([...parameters, ...(direction ? [['direction', direction] as const] : [])]),
  );
}

/** Where an example has the site. */
function placesIn(example: TaskExample, position: SiteChoice['site']['position']) {
  const both = positionsIn(position).map((name): readonly [number, number] => {
    if (name === 'last') return [example.base.tokens.length - 1, example.source.tokens.length - 1];
    if (typeof name === 'number') return [name, name];
    const found = example.positions[name] ?? (name === maskName ? example.masks : undefined);
    if (found !== undefined) return found;
    throw new ExperimentError(`The first examples have no position '${positionWord(position)}'.`);
  });
  return { base: both.map(([base]) => base), source: both.map(([, source]) => source) };
}

/**
 * Places of a task are tokens of one text: those of a source, a picture or a sound are another stack's, and are not handed over.
 * @throws ExperimentError where prompts are more than a text
 */
function checkTexts({ examples }: AlignTask, where: string): void {
  const isMore = examples.some(({ base, source }) =>
    [base, source].some(({ target, reads }) => target !== undefined || reads !== undefined),
  );
  if (isMore)
    throw new ExperimentError(
      `This was trained on prompts that are more than a text, and ${where} from here. Save the trained numbers instead.`,
    );
}

/** An example whose answer the interchange changes, so that what the cable does can be seen. @throws ExperimentError */
function tellingExample({ examples }: AlignTask): TaskExample {
  const written = examples.filter(({ base, source }) => base.text !== null && source.text !== null);
  const [first] = written;
  if (first === undefined)
    throw new ExperimentError('Its examples are token ids, and the Patch page has fields for text.');
  return written.find(({ label, baseLabel }) => baseLabel !== null && label !== baseLabel) ?? first;
}

/**
 * The trained intervention as a cable between the prompts of an example.
 * @param task that the site was trained on
 * @returns what the Patch page opens
 * @throws ExperimentError for examples of token ids, several sites that were trained together, or damaged numbers
 */
export function cableOf({ result, index, site }: SiteChoice, task: AlignTask): unknown {
  if (result.experiment.jointly && result.experiment.jointly.length > 0)
    throw new ExperimentError(
      'This was trained at several sites together, each with places and a source of its own, and a cable is one of them. Take the folder for pyvene, which has all.',
    );
  checkTexts(task, 'it is not hung on the Patch page');
  const { configuration, parameters } = trainedIntervention(result, index);
  const { model, revision, site: where } = result.experiment;
  const example = tellingExample(task);
  const places = placesIn(example, site.position);
  const heads = where.heads === undefined ? {} : { heads: where.heads };
  const written = Object.entries(parameters).map(
    ([key, own]) =>
      [
        key,
        Object.fromEntries(
          Object.entries(own).map(([name, { shape, data }]) => [name, { shape, data: Array.from(data) }]),
        ),
      ] as const,
  );
  return {
    kind: 'intervene',
    version: 1,
    title: `Trained at ${choiceWords({ result, index, site })}`,
    model,
    ...(revision === undefined ? {} : { revision }),
    base: example.base.text,
    sources: [example.source.text],
    answer: example.label,
    ...(example.baseLabel === null || example.baseLabel === example.label
      ? {}
      : { distractor: example.baseLabel }),
    configuration,
    unitLocations: {
      'sources->base': {
        source: { positions: places.source, ...heads },
        base: { positions: places.base, ...heads },
      },
    },
    parameters: Object.fromEntries(written),
    rack: where.heads === undefined ? { component: where.component } : {},
  };
}

const mostPrompts = 4;

/** The part of a direction that is each head's, in the order in which they were joined. */
const byHead = (direction: Float32Array, heads: number): readonly (readonly number[])[] =>
  Array.from({ length: heads }, (_, head) => {
    const width = direction.length / heads;
    return Array.from(direction.subarray(head * width, (head + 1) * width));
  });

/** Prompts of the task that have the site at the same positions, and these: a steering edits the same ones in all prompts. */
function placedPrompts({ examples }: AlignTask, position: SiteChoice['site']['position']) {
  const placed = examples.flatMap((example) =>
    example.base.text === null ? [] : [{ text: example.base.text, at: placesIn(example, position).base }],
  );
  const isLast = positionsIn(position).join() === 'last';
  const at = placed[0]?.at ?? [];
  const alike = isLast ? placed : placed.filter((each) => each.at.join() === at.join());
  return {
    prompts: [...new Set(alike.map(({ text }) => text))].slice(0, mostPrompts),
    // What is said of the last position is said of every new one.
    ...(isLast || at.length === 0 ? {} : { at }),
  };
}

/**
 * The direction that separates the values best as a vector that is added where the site is, with the distance of the outermost
 * means as its strength: what was at the first value's mean comes to the last's.
 * @returns what the Steer page opens
 */
export function steeringOf({ result, site }: SiteChoice, learned: LearnedSite, task: AlignTask): unknown {
  const { model, revision, site: where, data } = result.experiment;
  const interchange = 'causalModel' in data ? [data.interchange].flat().join(' and ') : 'learned';
  checkTexts(task, 'it does not steer');
  const { prompts, at } = placedPrompts(task, site.position);
  const [from = 0, to = 0] = [learned.means[0], learned.means.at(-1)];
  const labels = [...new Set(task.labels.map(({ text }) => text))];
  const last = learned.values.at(-1);
  const towards = task.examples.find(
    ({ settings }) =>
      settings !== null &&
      ['causalModel' in data ? data.interchange : []]
        .flat()
        .map((name) => settings.source[name])
        .join(', ') === last,
  )?.label;
  const away = labels.find((label) => label !== towards);
  return {
    kind: 'steer',
    version: 1,
    title: `${interchange}: ${choiceWords({ result, index: 0, site })}`,
    model,
    ...(revision === undefined ? {} : { revision }),
    vectors: [
      {
        name: interchange,
        component: where.component,
        layers: [site.layer],
        ...(where.heads === undefined ? {} : { heads: where.heads }),
        from: { numbers: byHead(learned.direction, where.heads?.length ?? 1) },
      },
    ],
    edits: [{ vector: interchange, strength: to - from, unit: 'raw', ...(at ? { prompt: at } : {}) }],
    prompts,
    columns: ['unsteered', 'steered', 'negative'],
    ...(towards === undefined || away === undefined || labels.length !== 2
      ? {}
      : { words: { towards: [towards], away: [away] } }),
  };
}
