// The pyvene program of a cell, behind a button, ready to be copied.

import { useEffect, useState } from 'react';
import type { CellCode as Program } from '../../experiments/trace/pyvene.ts';
import type { TraceResult } from '../../experiments/trace/result.ts';
import type { CellAddress } from '../../figures/description.ts';
import { streamPlace } from './sheets.ts';

interface CellCodeProps {
  readonly result: TraceResult;
  /** Place of the figure that the address is of. */
  readonly sheet: number;
  readonly address: CellAddress;
}

export function CellCode({ result, sheet, address }: CellCodeProps) {
  const [isOpen, setIsOpen] = useState(false);
  const [said, setSaid] = useState('');
  const [made, setMade] = useState<Program | null>(null);
  useEffect(() => {
    if (!isOpen) return setMade(null);
    const { layer, location } = address;
    const stream = streamPlace(result, sheet, address);
    const position = result.positions[location] ?? -1;
    let isWanted = true;
    // What writes programs knows every component of pyvene: it comes when it is asked for, not with the page.
    void import('../../experiments/trace/pyvene.ts').then(({ pyveneCode }) => {
      if (isWanted) setMade(pyveneCode(result, { stream, layer, position }));
    });
    return () => {
      isWanted = false;
    };
  }, [isOpen, result, sheet, address]);
  async function copy(code: string) {
    try {
      await navigator.clipboard.writeText(code);
      setSaid('Copied.');
    } catch {
      setSaid('Select the code to copy it; the browser does not allow access to the clipboard.');
    }
  }
  return (
    <div className="code">
      <button
        type="button"
        className="button-plain"
        aria-expanded={isOpen}
        onClick={() => setIsOpen(!isOpen)}
      >
        {isOpen ? 'Hide the pyvene code' : 'This cell in pyvene'}
      </button>
      {made !== null &&
        (made.ok ? (
          <>
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
            <pre className="code-text" tabIndex={0}>
              <code>{made.code}</code>
            </pre>
            <div className="code-foot">
              <button type="button" className="button" onClick={() => void copy(made.code)}>
                Copy code
              </button>
              <span role="status" className="mute small">
                {said}
              </span>
            </div>
          </>
        ) : (
          <p className="mute small">{made.why}</p>
        ))}
    </div>
  );
}
