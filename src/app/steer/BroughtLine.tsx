// What a file has brought that no control shows, in a line, each with a button that drops it.

import type { BroughtSetting } from './broughtSettings.ts';
import { useEdit } from './hooks.ts';

export function BroughtLine({ settings }: { readonly settings: readonly BroughtSetting[] }) {
  const edit = useEdit();
  if (settings.length === 0) return null;
  return (
    <ul className="steer-brought small" aria-label="Also in force, from a file or a link">
      {settings.map(({ words, drop }) => (
        <li key={words}>
          <span className="mute">Also in force:</span> {words}{' '}
          <button
            type="button"
            className="button-plain"
            aria-label={`Drop: ${words}`}
            onClick={() => edit(drop)}
          >
            Drop
          </button>
        </li>
      ))}
    </ul>
  );
}
