// The model in use, in the header of every page; opens the chooser. While a model loads it shows how far.

import { formatLayers, formatRoundPercent } from '../quantities.ts';
import { useModel, usePage } from '../workbenchContext.tsx';
import { Bar } from './LoadState.tsx';

export function ModelChip() {
  const info = useModel((state) => state.info);
  const load = useModel((state) => state.load);
  const open = usePage((state) => state.open);
  const isLoading = load.status === 'loading';
  const progress = isLoading ? load.progress : null;
  const part = progress?.total ? progress.done / progress.total : null;
  return (
    <button type="button" className="pill" aria-haspopup="dialog" onClick={() => open('model')}>
      <span className="visually-hidden">Model:</span>
      {isLoading ? (
        <>
          <span className="pill-detail">Loading</span>
          <b>{load.label}</b>
          {part !== null && <span>· {formatRoundPercent(part)}</span>}
        </>
      ) : info === null ? (
        <b>Choose a model</b>
      ) : (
        <>
          <b>{info.label}</b>
          <span className="pill-detail">
            · {formatLayers(info.layerCount)}
            {info.width > 0 && ` · ${info.width} wide`}
          </span>
        </>
      )}
      {isLoading && <Bar part={part} />}
    </button>
  );
}
