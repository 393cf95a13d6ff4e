// The graph between two tensors of a model, drawn; every edge is a tensor, and becomes a site when it is clicked.

import { type KeyboardEvent, useMemo, useState } from 'react';
import { layoutGraph } from '../../figures/layeredGraph.ts';
import type { FoundChain, ImportedStructure } from '../../imported/describe.ts';
import { Choice } from '../experiment/Choice.tsx';
import { mostBoxes, segmentGraph, segmentsOf, shortName } from './segment.ts';

interface GraphDrawingProps {
  readonly structure: ImportedStructure;
  /** Called with the tensor of an edge. */
  readonly onTensor: (name: string) => void;
  /** By whose tensors it is parted. */
  readonly chain: FoundChain | undefined;
  /** Tensors that are swept. */
  readonly chosen: ReadonlySet<string>;
}

function Drawing({
  structure,
  cut,
  onTensor,
  chosen,
}: GraphDrawingProps & { readonly cut: { readonly from: string; readonly to: string } }) {
  const placed = useMemo(() => {
    const nodes = segmentGraph(structure, cut);
    return nodes && layoutGraph(nodes);
  }, [structure, cut]);
  const axes = useMemo(() => new Map(structure.tensors.map((row) => [row.name, row.axes])), [structure]);
  if (!placed)
    return <p className="small mute">This part has more than {mostBoxes} nodes, too many to be drawn.</p>;
  const { width, height, boxes, edges } = placed;
  // A node that reads a tensor twice has one edge for both.
  const drawn = new Map(edges.map((each) => [`${each.from} ${each.edge} ${each.to}`, each]));
  const onKey = (name: string) => (event: KeyboardEvent) => {
    if (event.key !== 'Enter' && event.key !== ' ') return;
    event.preventDefault();
    onTensor(name);
  };
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section className="graph-scroll" aria-label={`Graph from ${cut.from} to ${cut.to}`} tabIndex={0}>
      <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`}>
        <title>Tensors of this part</title>
        {boxes.map(({ id, label, ...box }) => (
          <g key={id}>
            <rect className="graph-box" {...box} rx={3} />
            <text className="graph-label" x={box.x + box.width / 2} y={box.y + 15} textAnchor="middle">
              {label}
            </text>
          </g>
        ))}
        {[...drawn].map(([key, { edge, d }]) =>
          axes.has(edge) ? (
            // biome-ignore lint/a11y/useSemanticElements: a button cannot stand in a drawing
            <g
              key={key}
              role="button"
              tabIndex={0}
              className="graph-edge"
              data-chosen={chosen.has(edge)}
              aria-pressed={chosen.has(edge)}
              aria-label={`Tensor ${edge} ${axes.get(edge) ?? ''}`}
              onClick={() => onTensor(edge)}
              onKeyDown={onKey(edge)}
            >
              <title>{`${edge} ${axes.get(edge) ?? ''}`}</title>
              <path className="graph-hit" d={d} />
              <path className="graph-line" d={d} />
            </g>
          ) : (
            <path key={key} className="graph-line" d={d} />
          ),
        )}
      </svg>
    </section>
  );
}

export function GraphDrawing(props: GraphDrawingProps) {
  const { structure, chain } = props;
  const segments = useMemo(() => segmentsOf(structure, chain), [structure, chain]);
  const [at, setAt] = useState(0);
  const cut = segments[at] ?? segments[0];
  if (!cut) return null;
  return (
    <>
      <Choice
        label="Part of the model"
        value={String(segments.indexOf(cut))}
        choices={segments.map(
          ({ from, to }, index) => [String(index), `${shortName(from)} → ${shortName(to)}`] as const,
        )}
        hint="Click an edge to sweep its tensor."
        onChange={(index) => setAt(Number(index))}
      />
      <Drawing {...props} cut={cut} />
    </>
  );
}
