// The examples that come with a page, to start from, and what to know of them.

import { useAnyPage, useAnyState } from './pageContext.tsx';

export function Examples({ note }: { readonly note?: string }) {
  const page = useAnyPage();
  const { examples } = page.face;
  // What stands there, by its prompts: an example stays the open one while its settings are changed.
  const shown = useAnyState((state) => JSON.stringify(state.world.readings.map(({ text }) => text)));
  if (examples.length === 0) return null;
  return (
    <nav className="examples" aria-label="Examples">
      <span className="mute">Examples</span>
      {examples.map(({ name, title, texts }) => (
        <button
          key={name}
          type="button"
          className="example"
          aria-pressed={JSON.stringify(texts) === shown}
          title={texts.join('\n')}
          onClick={() => page.openExample(name)}
        >
          {title}
        </button>
      ))}
      {note !== undefined && <p className="mute small examples-note">{note}</p>}
    </nav>
  );
}
