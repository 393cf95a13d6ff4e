// The words of the field as this page uses them, and every shortcut.

import { Fragment } from 'react';
import { useStore } from 'zustand';
import { usePage, useWorkbench } from '../workbenchContext.tsx';
import { PageDialog } from './PageDialog.tsx';

const words: readonly (readonly [string, string])[] = [
  ['Component', 'A named place in a block whose value can be read and overridden, such as mlp_output.'],
  ['Site', 'A component at a layer. In the rack, one socket.'],
  ['Position', 'The place of a token in the prompt, counted from 0.'],
  ['Residual stream', 'The vector per position that every block reads from and adds to.'],
  ['Head', 'One of the parts that attention is split into, each with its own vector per position.'],
  ['Base and source', 'The run that is changed, and the run that the new values come from.'],
  [
    'Intervention',
    'A change to the value at a site while the base runs: for example, the value of the source.',
  ],
  [
    'Clean, corrupted, restored',
    'The run of the prompt as it is, with its subject disturbed, and with one state put back.',
  ],
  ['Cable', 'An intervention drawn from the socket it takes from to the socket it changes.'],
  ['Window', 'The layers around a cell that are put back together.'],
  ['Logit', 'The score of a token before the softmax turns scores into probabilities.'],
];

const shortcuts: readonly (readonly [readonly string[], string])[] = [
  [['?'], 'This page of help'],
  [['/'], 'Go to the prompt'],
  [['o'], 'Open the list of models'],
  [['Ctrl', 'Z'], 'Undo a change of the experiment; with Shift, redo'],
  [['f'], 'Go to the figure'],
  [['←', '→', '↑', '↓'], 'Move through the figure, the rack or along the tokens'],
  [['Shift', '→'], 'Stretch the subject along the tokens; Enter marks one'],
  [['Home', 'End'], 'First and last of a row'],
  [['Ctrl', 'Home'], 'First cell or socket; with End, the last'],
  [['PgUp', 'PgDn'], 'Five layers back or on'],
  [['[', ']'], 'The same cell in the panel before or after'],
  [['Enter'], 'Pin the cell or socket, or unpin it'],
  [['c'], 'On the Patch page, begin a cable at the socket; Enter ends it, Esc drops it'],
  [['Shift', 'Enter'], 'There, stretch what is picked up to the socket'],
  [['Del'], 'There, take away the cable that ends at the socket'],
  [['Esc'], 'Unpin; close what is open'],
];

/** Whether the page opens without a network; nothing while that is not known. */
function Offline() {
  const isKept = useStore(useWorkbench().offline, (state) => state.isKept);
  if (isKept === null) return null;
  return isKept
    ? ' This browser keeps the page, which opens without a network, with the embedded model and the kept ones.'
    : ' This browser could not keep the page for the time without a network; its storage may be full. Everything else works. Empty kept models or free space on the disk, and open the page again.';
}

export function HelpDialog() {
  const singleKeys = usePage((state) => state.singleKeys);
  const setSingleKeys = usePage((state) => state.setSingleKeys);
  return (
    <PageDialog name="help" title="Words and shortcuts">
      <div className="help-columns">
        <section>
          <h3>Words</h3>
          <dl className="help-words">
            {words.map(([word, meaning]) => (
              <Fragment key={word}>
                <dt>{word}</dt>
                <dd>{meaning}</dd>
              </Fragment>
            ))}
          </dl>
        </section>
        <section>
          <h3>Shortcuts</h3>
          <dl className="help-list">
            {shortcuts.map(([keys, meaning]) => (
              <Fragment key={meaning}>
                <dt>
                  {keys.map((key) => (
                    <kbd key={key}>{key}</kbd>
                  ))}
                </dt>
                <dd>{meaning}</dd>
              </Fragment>
            ))}
          </dl>
          <label className="check">
            <input
              type="checkbox"
              checked={singleKeys}
              onChange={(event) => setSingleKeys(event.target.checked)}
            />
            Single keys (? / o f) act as shortcuts
          </label>
        </section>
      </div>
      <p className="help-note">
        Models, prompts and results stay on this machine; only the files of a Hub model are fetched.
        <Offline />
      </p>
    </PageDialog>
  );
}
