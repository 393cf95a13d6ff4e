// The way that the site `chain` is cut on: one of those that were found in the model, or from one tensor to another.

import { useState } from 'react';
import type { TensorsExperiment } from '../../experiments/tensors/experiment.ts';
import type { FoundChain, ImportedStructure } from '../../imported/describe.ts';
import { Choice } from '../experiment/Choice.tsx';
import { TextField } from '../experiment/TextField.tsx';
import { formatCounted } from '../quantities.ts';
import { useEdit, useProblem, useStructure } from './hooks.ts';
import { axesWords, chainIn, endProblem, withChain, withoutLayer } from './naming.ts';

/** `input_ids → logits: 13 tensors, 12 equal blocks, positions along axis 1 (sequence)`. */
function chainWords({ from, to, tensors, blocks }: FoundChain, structure: ImportedStructure): string {
  const row = structure.tensors.find(({ name }) => name === tensors[0]);
  const equal = blocks.filter((count) => count > 1);
  return [
    `${from} → ${to}: ${formatCounted(tensors.length, 'tensors')}`,
    ...(equal.length > 0 ? [`${equal.join(' and ')} equal blocks`] : []),
    ...(row?.positions ? [`positions along ${axesWords(row, row.positions)}`] : []),
  ].join(', ');
}

function Ends({ chain }: { readonly chain: NonNullable<TensorsExperiment['chain']> }) {
  const structure = useStructure();
  const edit = useEdit();
  const refused = useProblem('chain');
  if (structure === undefined) return null;
  const problems = [endProblem(structure, chain.from), endProblem(structure, chain.to)] as const;
  return (
    <div className="tensors-fields">
      <TextField
        isText
        label="From"
        value={chain.from}
        list="tensor-names"
        hint="An input, or a tensor."
        problem={problems[0]}
        onChange={(from) => edit((present) => withChain(present, { ...chain, from }), 'chain from')}
      />
      <TextField
        isText
        label="To"
        value={chain.to}
        list="tensor-names"
        hint="A tensor that is computed from it."
        problem={problems[1] ?? (problems[0] === undefined ? refused : undefined)}
        onChange={(to) => edit((present) => withChain(present, { ...chain, to }), 'chain to')}
      />
    </div>
  );
}

export function ChainFields({ experiment }: { readonly experiment: TensorsExperiment }) {
  const structure = useStructure();
  const edit = useEdit();
  const [isTyped, setIsTyped] = useState(false);
  const [own] = structure?.chains ?? [];
  if (structure === undefined || own === undefined) return null;
  const chosen = chainIn(experiment, structure);
  const place = chosen ? structure.chains.indexOf(chosen) : -1;
  const isOwn = isTyped || place < 0;
  const isSwept = experiment.sites.some(({ site }) => withoutLayer(site) === 'chain');
  return (
    <>
      <Choice
        label="Chain"
        value={isOwn ? 'own' : String(place)}
        choices={[
          ...structure.chains.map((chain, at) => [String(at), chainWords(chain, structure)] as const),
          ['own', 'From one tensor to another'],
        ]}
        hint="The tensors, one after the other, through which all passes: the site 'chain', and the parts of the graph."
        onChange={(value) => {
          setIsTyped(value === 'own');
          const found = structure.chains[Number(value)];
          const { from, to } = found ?? chosen ?? own;
          edit((present) => withChain(present, value === '0' ? undefined : { from, to }));
        }}
      />
      {isOwn && <Ends chain={experiment.chain ?? own} />}
      {!isSwept && (
        <p className="small mute">
          The chain is not swept.{' '}
          <button
            type="button"
            className="button-plain"
            onClick={() => edit((present) => ({ ...present, sites: [...present.sites, { site: 'chain' }] }))}
          >
            Sweep the chain
          </button>
        </p>
      )}
    </>
  );
}
