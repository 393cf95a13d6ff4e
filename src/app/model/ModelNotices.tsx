// What a person should know of the load of the model in use: that it could not be kept, that it is a kept copy, that its
// weights stay packed. Stands above the page until it is dismissed; the model's dialog keeps it.

import { useState } from 'react';
import { useModel } from '../workbenchContext.tsx';

export function ModelNotices() {
  const info = useModel((state) => state.info);
  const [read, setRead] = useState<typeof info>(null);
  if (info === null || info === read) return null;
  const sentences = [...(info.weightsNote === undefined ? [] : [info.weightsNote]), ...(info.notices ?? [])];
  if (sentences.length === 0) return null;
  return (
    <section className="wide notices" aria-label="About this model">
      <div className="notices-text">
        {sentences.map((sentence) => (
          <p key={sentence}>{sentence}</p>
        ))}
      </div>
      <button
        type="button"
        className="button"
        onClick={() => {
          setRead(info);
          document.getElementById('main')?.focus();
        }}
      >
        Dismiss
      </button>
    </section>
  );
}
