// The task: declared by a causal model, or pasted as a table.

import { type ReactNode, useId } from 'react';
import { Examples } from '../experiment/Examples.tsx';
import { UndoButtons } from '../experiment/UndoButtons.tsx';
import { BeginEmpty } from '../prompt/BeginEmpty.tsx';
import { fileWords } from '../prompt/beside.ts';
import { hasTarget } from '../prompt/hasTarget.ts';
import { maskText } from '../prompt/mask.ts';
import type { DeclaredFields } from './declaredFields.ts';
import { blankFor } from './document.ts';
import { sampleOf } from './draft.ts';
import { DocumentField, Field } from './Fields.tsx';
import { useDocument, useEdit, useOwn, useOwnPage } from './hooks.ts';
import { OpenTraining } from './OpenTraining.tsx';
import { RowsEditor } from './RowsEditor.tsx';
import { useDeclaredEdit, VariablesEditor } from './VariablesEditor.tsx';

const ways = [
  ['declared', 'A causal model'],
  ['table', 'A table of pairs'],
  ['rows', 'One by one'],
] as const;

type DeclaredText = Exclude<
  {
    readonly [Key in keyof DeclaredFields]: DeclaredFields[Key] extends string ? Key : never;
  }[keyof DeclaredFields],
  'seed'
>;

function DeclaredField(props: {
  readonly name: DeclaredText;
  readonly label: string;
  readonly hint: string;
  readonly rows?: number;
  readonly isNumber?: boolean;
  readonly after?: ReactNode;
}) {
  const { declared } = useDocument();
  const edit = useDeclaredEdit();
  const { name } = props;
  return (
    <Field
      {...props}
      value={declared[name]}
      onChange={(value) => edit((before) => ({ ...before, [name]: value }), name)}
    />
  );
}

/** Puts the mask where a prompt ends that a model would go on with, which fills masks instead. */
function PutMask({ mask }: { readonly mask: string }) {
  const edit = useDeclaredEdit();
  return (
    <button
      type="button"
      className="button"
      title={`This model predicts what stands at ${mask}`}
      onClick={() => edit((before) => ({ ...before, prompt: `${before.prompt.trimEnd()} ${mask}` }))}
    >
      Put {mask} at its end
    </button>
  );
}

function Declared() {
  const { declared } = useDocument();
  const edit = useDeclaredEdit();
  const mask = useOwn(({ world }) => maskText(world.model));
  const reads = useOwn(({ world }) => world.model?.reads ?? null);
  const lacksMask = mask !== null && declared.prompt !== '' && !declared.prompt.includes(mask);
  return (
    <>
      <VariablesEditor />
      <div className="fields align-fields">
        <DeclaredField
          name="prompt"
          label="Prompt"
          hint={
            mask === null
              ? 'With variables in braces: We all like {name} because'
              : `With variables in braces, and ${mask} where it predicts: {name} lost ${mask} keys.`
          }
          {...(lacksMask ? { after: <PutMask mask={mask} /> } : {})}
        />
        {(hasTarget(reads) || declared.target !== '') && (
          <DeclaredField
            name="target"
            label="Target"
            hint="What the model has written so far, with variables in braces; it may be empty"
          />
        )}
        <DeclaredField
          name="label"
          label="Label"
          hint={
            mask === null
              ? 'What follows, one token, with the space before it:  {pronoun}'
              : `What stands at ${mask}, one token: {pronoun}`
          }
        />
        <DeclaredField
          name="interchange"
          label="Interchanged"
          hint="The variable whose value comes from the source; several with commas"
        />
        <DeclaredField name="count" label="Examples" hint="Pairs that are drawn" isNumber />
        <DeclaredField
          name="balanced"
          label="Balanced"
          hint="A variable whose values come equally often, or nothing"
        />
        <DeclaredField
          name="distinct"
          label="Distinct"
          hint="Variables that never are the same in a prompt, or nothing"
        />
        <Field
          name="dataSeed"
          label="Seed of the pairs"
          hint="Default 0"
          isNumber
          value={declared.seed}
          onChange={(seed) => edit((before) => ({ ...before, seed }), 'data seed')}
        />
      </div>
      <label className="check-line">
        <input
          type="checkbox"
          checked={declared.onlyChanged}
          onChange={({ target }) => edit((before) => ({ ...before, onlyChanged: target.checked }))}
        />
        Only pairs whose label changes
      </label>
    </>
  );
}

export function TaskCard() {
  const document = useDocument();
  const edit = useEdit();
  const name = useId();
  const mask = useOwn(({ world }) => maskText(world.model));
  const blank = useOwn(({ world }) => blankFor(world.model));
  const reads = useOwn(({ world }) => world.model?.reads ?? null);
  const { examples } = useOwnPage().face;
  const isExample = examples.some(({ texts }) => texts[0] === sampleOf(document) && texts[0] !== '');
  const isBlank = document === blank;
  return (
    <section className="card task-card" aria-labelledby="task-title" data-document>
      <div className="card-head">
        <h2 id="task-title">Task</h2>
        <Examples />
      </div>
      <div className="task-ways">
        <fieldset className="task-choice">
          <legend className="visually-hidden">Where the examples come from</legend>
          {ways.map(([way, title]) => (
            <label key={way} className="check-line">
              <input
                type="radio"
                name={name}
                checked={document.task === way}
                onChange={() => edit((before) => ({ ...before, task: way }))}
              />
              {title}
            </label>
          ))}
        </fieldset>
        <span className="task-tools">
          <button
            type="button"
            className="button"
            aria-disabled={isBlank}
            onClick={() => {
              if (!isBlank) edit(() => blank);
            }}
          >
            Empty page
          </button>
          <OpenTraining />
          <UndoButtons />
        </span>
      </div>
      <BeginEmpty isExample={isExample} onBegin={() => edit(() => blank)} />
      {document.task !== 'rows' && reads !== null && reads.kind !== 'text' && (
        <p className="field-problem">
          {document.task === 'declared' ? 'A causal model draws texts' : 'A table holds texts'}, and this
          model reads a {fileWords[reads.kind]} with each. List the examples one by one.
        </p>
      )}
      {document.task === 'declared' ? (
        <Declared />
      ) : document.task === 'rows' ? (
        <RowsEditor />
      ) : (
        <DocumentField
          name="table"
          label="Table of pairs"
          rows={10}
          hint={`Columns base, source, label; baseLabel and sourceLabel if the model's own accuracy is to be known; further columns are positions by name: 3, or 3/5 of base and source${mask === null ? '' : `. Base and source hold one ${mask} each, and a label is the token that stands there`}`}
        />
      )}
      <div className="fields align-fields">
        {document.testData === null ? (
          <>
            <DocumentField name="testShare" label="Kept to test, %" hint="Default 20" isNumber />
            <DocumentField name="splitSeed" label="Seed of the split" hint="Default 0" isNumber />
          </>
        ) : (
          <p className="mute small">The file gives the examples to test by themselves; they are kept.</p>
        )}
      </div>
    </section>
  );
}
