// A vector for a socket: typed or pasted numbers, the mean over prompts, what a word's embedding is, or one from a file: an
// array, or what an alignment has trained.

import { useId, useState } from 'react';
import { messageOf } from '../../messages/wording.ts';
import type { KnownReads } from '../prompt/beside.ts';
import { useBench, usePatchDraft } from './benchContext.tsx';
import type { Place } from './document.ts';
import type { Shelf } from './sockets.ts';
import type { SocketVector } from './socketVectors.ts';
import { componentWords } from './spoken.ts';

interface VectorFormProps {
  readonly place: Place;
  readonly shelf: Shelf;
  readonly onDone: () => void;
}

/** Numbers between anything that is none: a list of JSON, a column of a table. */
export function numbersIn(text: string): readonly number[] {
  return [...text.matchAll(/[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?/gi)].map(([match]) => Number(match));
}

const origins = [
  { name: 'mean', title: 'Mean over prompts' },
  { name: 'word', title: 'Embedding of a word' },
  { name: 'numbers', title: 'Numbers' },
  { name: 'file', title: 'From a file, or an alignment' },
] as const;
type Origin = (typeof origins)[number]['name'];

/** Where a vector can come from: a model that reads more than a text makes none of lines of text alone. */
export const vectorOrigins = (
  reads: KnownReads,
): readonly [(typeof origins)[number], ...(typeof origins)[number][]] =>
  reads ? [origins[2], origins[3]] : origins;

/** What a vector does to what passes the socket, by the type of the library. */
const uses = [
  { type: 'VanillaIntervention', title: 'Takes the place' },
  { type: 'AdditionIntervention', title: 'Is added' },
  { type: 'SubtractionIntervention', title: 'Is subtracted' },
] as const;

/** Why numbers are no vector of this socket; null when they are. */
export function vectorProblem(numbers: readonly number[], width: number): string | null {
  if (numbers.length === width) return null;
  return `There ${numbers.length === 1 ? 'is 1 number' : `are ${numbers.length} numbers`}; this socket takes ${width}.`;
}

export function VectorForm({ place, shelf, onDone }: VectorFormProps) {
  const bench = useBench();
  const [wanted, setWanted] = useState<Origin | null>(null);
  const [text, setText] = useState('');
  const [use, setUse] = useState<(typeof uses)[number]>(uses[0]);
  const [message, setMessage] = useState<string | null>(null);
  const [isBusy, setIsBusy] = useState(false);
  const [vectors, setVectors] = useState<readonly SocketVector[]>([]);
  const [chosen, setChosen] = useState(0);
  const { outline, model } = usePatchDraft();
  const offered = vectorOrigins(model?.reads ?? null);
  const { name: origin } = offered.find(({ name }) => name === wanted) ?? offered[0];
  const field = useId();
  const { width, name } = shelf.component;

  async function vector(): Promise<readonly number[]> {
    if (origin === 'numbers') return numbersIn(text);
    if (origin === 'file') {
      const vector = vectors[chosen];
      if (!vector) throw new Error('Choose a file first.');
      return vector.numbers;
    }
    const isMean = origin === 'mean';
    const prompts = isMean ? text.split('\n').filter((line) => line.trim() !== '') : [text];
    if (prompts.length === 0 || prompts[0] === '') throw new Error('Type at least one line of text.');
    const found = await bench.engine.meanActivation({
      prompts,
      component: isMean ? name : 'embedding_output',
      layer: isMean ? place.layer : null,
      head: isMean ? (place.heads?.length === 1 ? (place.heads[0] ?? null) : null) : null,
      at: isMean ? 'all' : 'last',
      addSpecialTokens: isMean,
    });
    return Array.from(found, (x) => Number(x.toPrecision(7)));
  }

  async function read(file: File | undefined) {
    if (!file || !outline) return;
    setMessage(null);
    setVectors([]);
    setChosen(0);
    try {
      const { socketVectors } = await import('./socketVectors.ts');
      setVectors(await socketVectors(file, outline, width));
    } catch (cause) {
      setMessage(messageOf(cause));
    }
  }

  async function submit() {
    setIsBusy(true);
    setMessage(null);
    try {
      const constant = await vector();
      const problem = vectorProblem(constant, width);
      if (problem !== null) return setMessage(problem);
      bench.addCable({ type: use.type, from: null, to: place, constant, settings: {} });
      onDone();
    } catch (cause) {
      setMessage(messageOf(cause));
    } finally {
      setIsBusy(false);
    }
  }

  const hints: Readonly<Record<Origin, string>> = {
    mean: `Prompts, one a line: the mean of ${componentWords(name)} over all their positions`,
    word: 'A word, with its space: the embedding of its last token',
    numbers: `${width} numbers, separated by anything`,
    file: `Numbers for ${width} entries: .npy, .safetensors, .gguf, .json, or the result of an alignment`,
  };
  return (
    <form
      className="vector-form"
      onSubmit={(event) => {
        event.preventDefault();
        event.stopPropagation();
        void submit();
      }}
    >
      <div className="vector-line">
        <label className="rack-control">
          <span className="mute small">Vector</span>
          <select
            className="select"
            value={origin}
            onChange={({ target }) =>
              setWanted(offered.find(({ name }) => name === target.value)?.name ?? null)
            }
          >
            {offered.map(({ name, title }) => (
              <option key={name} value={name}>
                {title}
              </option>
            ))}
          </select>
        </label>
        <label className="rack-control">
          <span className="mute small">What it does</span>
          <select
            className="select"
            value={use.type}
            onChange={({ target }) => setUse(uses.find(({ type }) => type === target.value) ?? uses[0])}
          >
            {uses.map(({ type, title }) => (
              <option key={type} value={type}>
                {title}
              </option>
            ))}
          </select>
        </label>
      </div>
      <label className="mute small" htmlFor={field}>
        {hints[origin]}
      </label>
      {origin === 'file' ? (
        <>
          <input
            id={field}
            type="file"
            accept=".npy,.safetensors,.gguf,.json"
            onChange={({ target }) => void read(target.files?.[0])}
          />
          {vectors.length > 1 && (
            <label className="rack-control">
              <span className="mute small">Which</span>
              <select
                className="select"
                value={chosen}
                onChange={({ target }) => setChosen(Number(target.value))}
              >
                {vectors.map(({ name }, index) => (
                  <option key={name} value={index}>
                    {name}
                  </option>
                ))}
              </select>
            </label>
          )}
          {vectors.length === 1 && <p className="small">{vectors[0]?.name}</p>}
        </>
      ) : (
        <textarea
          id={field}
          className="prompt-text mono"
          rows={origin === 'word' ? 1 : 4}
          value={text}
          spellCheck={false}
          onChange={(event) => setText(event.target.value)}
        />
      )}
      {message !== null && <p className="run-problem">{message}</p>}
      <button type="submit" className="button button-primary" aria-disabled={isBusy}>
        {isBusy ? 'Reading the model' : 'Hang it here'}
      </button>
    </form>
  );
}
