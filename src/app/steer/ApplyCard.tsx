// The edits: several at once, each on and off by a key.

import { useEffect } from 'react';
import { usePage } from '../workbenchContext.tsx';
import { changedEdit, withEdit } from './changes.ts';
import type { EditField } from './document.ts';
import { EditRow } from './EditRow.tsx';
import { useDocument, useEdit, useOwnPage } from './hooks.ts';
import { siteOfEdit, useMeasured } from './measured.ts';

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && target.matches('input:not([type=checkbox]), textarea, select');

/** 1 to 9 turn an edit on and off, as long as nobody is typing. */
function useDigits(): void {
  const page = useOwnPage();
  const singleKeys = usePage((state) => state.singleKeys);
  const dialog = usePage((state) => state.dialog);
  useEffect(() => {
    if (!singleKeys || dialog !== null) return;
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      if (!/^[1-9]$/.test(event.key)) return;
      const edit = page.store.getState().history.present.edits[Number(event.key) - 1];
      if (edit) page.edit((document) => changedEdit(document, edit.id, { on: !edit.on }));
    };
    window.addEventListener('keydown', onKeyDown);
    return () => window.removeEventListener('keydown', onKeyDown);
  }, [page, singleKeys, dialog]);
}

function MeasuredRow({ edit, digit }: { readonly edit: EditField; readonly digit: number }) {
  const measured = useMeasured(edit.vector);
  return <EditRow edit={edit} digit={digit} site={siteOfEdit(edit, measured)} />;
}

export function ApplyCard() {
  const { edits, vectors } = useDocument();
  const edit = useEdit();
  useDigits();
  const [first] = vectors;
  return (
    <section className="card steer-apply" aria-labelledby="apply-title" data-document>
      <div className="card-head">
        <h2 id="apply-title">Apply</h2>
        {edits.length > 1 && <span className="mute small">All that are on act at once</span>}
      </div>
      {edits.length === 0 && (
        <p className="mute">
          {first === undefined
            ? 'A vector that you make below is applied here: at which layer, how strongly, and where.'
            : 'Nothing is applied: the texts stay as they are.'}
        </p>
      )}
      <ul className="steer-list">
        {edits.map((each, index) => (
          <MeasuredRow key={each.id} edit={each} digit={index + 1} />
        ))}
      </ul>
      {first !== undefined && (
        <div className="steer-adds">
          {vectors.map(({ name, id }) => (
            <button
              key={id}
              type="button"
              className="button"
              onClick={() =>
                edit((document) =>
                  withEdit(
                    document,
                    name,
                    document.edits.findLast(({ vector }) => vector === name)?.layers ?? '',
                  ),
                )
              }
            >
              Apply {name} {edits.some(({ vector }) => vector === name) ? 'once more' : ''}
            </button>
          ))}
        </div>
      )}
    </section>
  );
}
