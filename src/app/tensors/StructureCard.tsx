// What an imported model is made of: what it reads and gives, its layers by components, and every other tensor by its name.

import { type ReactNode, useId, useState } from 'react';
import type { ImportedStructure, TensorRow } from '../../imported/describe.ts';
import { formatCount } from '../quantities.ts';
import '../style/tensors.css';

/** What stands behind a tensor or a component by its name. */
type After = (name: string) => ReactNode;

interface RowsProps {
  readonly caption: string;
  readonly rows: readonly TensorRow[];
  readonly after?: After | undefined;
}

function Rows({ caption, rows, after }: RowsProps) {
  return (
    <table className="structure-table small">
      <caption>{caption}</caption>
      <tbody>
        {rows.map(({ name, dtype, axes }) => (
          <tr key={name}>
            <th scope="row" className="mono">
              {name}
            </th>
            <td>
              {dtype} <span className="mono">{axes}</span>
            </td>
            {after && <td>{after(name)}</td>}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const mostFound = 100;

function Search({
  tensors,
  after,
}: {
  readonly tensors: readonly TensorRow[];
  readonly after?: After | undefined;
}) {
  const id = useId();
  const [typed, setTyped] = useState('');
  const wanted = typed.trim().toLowerCase();
  const found = wanted === '' ? [] : tensors.filter(({ name }) => name.toLowerCase().includes(wanted));
  return (
    <div className="structure-search">
      <div className="field">
        <label htmlFor={id}>Find one of {formatCount(tensors.length)} tensors</label>
        <input
          id={id}
          type="search"
          className="mono"
          value={typed}
          autoComplete="off"
          spellCheck={false}
          onChange={(event) => setTyped(event.target.value)}
        />
      </div>
      <div role="status" className="small mute">
        {wanted !== '' &&
          `${formatCount(found.length)} found${found.length > mostFound ? `, of which ${mostFound} are shown` : ''}`}
      </div>
      {found.length > 0 && <Rows caption="Tensors by name" rows={found.slice(0, mostFound)} after={after} />}
    </div>
  );
}

/** Where each stage runs, and what keeps it off the GPU. */
function Stages({ stages }: { readonly stages: NonNullable<ImportedStructure['stages']> }) {
  return (
    <table className="structure-table small">
      <caption>Stages</caption>
      <thead>
        <tr>
          <th scope="col">from</th>
          <th scope="col">to</th>
          <th scope="col">runs on</th>
        </tr>
      </thead>
      <tbody>
        {stages.map(({ from, to, runsOn }) => (
          <tr key={`${from} ${to}`}>
            <td className="mono">{from}</td>
            <td className="mono">{to}</td>
            <td>{runsOn}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

type StackProps = ImportedStructure['stacks'][number] & { readonly after?: After | undefined };

function Stack({ chain, count, components, after }: StackProps) {
  const known = components.filter(({ isKnown }) => isKnown);
  const others = components.filter(({ isKnown }) => !isKnown);
  return (
    <>
      <Rows caption={`${formatCount(count)} layers, ${chain}`} rows={known} after={after} />
      {others.length > 0 && (
        <details>
          <summary>{formatCount(others.length)} more tensors of each layer</summary>
          <Rows caption="Named after the file" rows={others} after={after} />
        </details>
      )}
    </>
  );
}

interface StructureCardProps {
  readonly structure: ImportedStructure;
  /** Where names can be given, what gives them. */
  readonly after?: After;
}

export function StructureCard({ structure, after }: StructureCardProps) {
  const { noPrompts, inputs, outputs, stacks, stages, chain, tensors } = structure;
  return (
    <section className="card structure" aria-labelledby="structure-title">
      <div className="card-head">
        <h2 id="structure-title">Structure</h2>
      </div>
      {noPrompts !== undefined && <p className="small">{noPrompts}</p>}
      <Rows caption="Inputs" rows={inputs} />
      <Rows caption="Outputs" rows={outputs} />
      {stacks.map((stack) => (
        <Stack key={`${stack.chain} ${stack.components[0]?.tensors[0] ?? ''}`} {...stack} after={after} />
      ))}
      {stacks.length === 0 && (
        <p className="small">
          No layers that repeat were found. The model is cut at {formatCount(chain.length)} tensors, which
          together are its chain.
        </p>
      )}
      {stages && <Stages stages={stages} />}
      <Search tensors={tensors} after={after} />
    </section>
  );
}
