// What cables collected: shape, norm, what the head makes of it, and the numbers as a file.

import { safetensorsBytes } from '../../checkpoint/safetensors/written.ts';
import type { InterveneResult } from '../../experiments/intervene/result.ts';
import { download } from '../experiment/exports.ts';
import { TokenText } from '../prompt/TokenText.tsx';

const norm = (data: readonly number[]): string =>
  Math.sqrt(data.reduce((sum, x) => sum + x * x, 0)).toPrecision(4);

export function Collected({ collected }: Pick<InterveneResult, 'collected'>) {
  const save = () =>
    download(
      new Blob([
        safetensorsBytes(
          new Map(collected.map(({ key, shape, data }) => [key, { shape, data: Float32Array.from(data) }])),
        ),
      ]),
      'collected.safetensors',
    );
  return (
    <div className="effect-collected">
      <div className="card-head">
        <h3>Collected</h3>
        <button type="button" className="button" onClick={save}>
          Save as safetensors
        </button>
      </div>
      {collected.map(({ key, shape, data, nearest }) => (
        <div key={key} className="small">
          <p className="mono collected-key">{key}</p>
          <p className="mute">
            [{shape.join(', ')}], norm {norm(data)}
          </p>
          <p className="mono collected-values">
            {data
              .slice(0, 6)
              .map((x) => x.toFixed(3))
              .join(' ')}
            {data.length > 6 ? ' …' : ''}
          </p>
          {nearest.map((candidates, unit) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a unit is its number
            <p key={unit}>
              <span className="mute">Through the head: </span>
              {candidates.map(({ id, text }) => (
                <span key={id} className="chip mono">
                  <TokenText text={text} />
                </span>
              ))}
            </p>
          ))}
        </div>
      ))}
    </div>
  );
}
