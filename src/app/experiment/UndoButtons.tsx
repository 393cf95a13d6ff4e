// Undo and redo of the document, for those who do not know the keys.

import { LineIcon } from '../frame/LineIcon.tsx';
import { useAnyPage, useAnyState } from './pageContext.tsx';

interface StepProps {
  readonly label: string;
  readonly keys: string;
  readonly isPossible: boolean;
  readonly onStep: () => void;
  readonly drawing: string;
}

function Step({ label, keys, isPossible, onStep, drawing }: StepProps) {
  return (
    <button
      type="button"
      className="button button-icon"
      aria-label={label}
      aria-disabled={!isPossible}
      title={isPossible ? `${label} (${keys})` : `Nothing to ${label.toLowerCase()}`}
      onClick={() => {
        if (isPossible) onStep();
      }}
    >
      <LineIcon>
        <path d={drawing} />
      </LineIcon>
    </button>
  );
}

export function UndoButtons() {
  const page = useAnyPage();
  const canUndo = useAnyState(({ history }) => history.past.length > 0);
  const canRedo = useAnyState(({ history }) => history.future.length > 0);
  return (
    <div className="undo">
      <Step
        label="Undo"
        keys="Ctrl Z"
        isPossible={canUndo}
        onStep={() => page.undo()}
        drawing="M3 6.5h6.5a3.25 3.25 0 0 1 0 6.5H6M3 6.5l3-3M3 6.5l3 3"
      />
      <Step
        label="Redo"
        keys="Ctrl Shift Z"
        isPossible={canRedo}
        onStep={() => page.redo()}
        drawing="M13 6.5H6.5a3.25 3.25 0 0 0 0 6.5H10M13 6.5l-3-3M13 6.5l-3 3"
      />
    </div>
  );
}
