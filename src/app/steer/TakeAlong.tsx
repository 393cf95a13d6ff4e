// What other tools read of a steering: the vectors as files, and programs.

import { zipSync } from 'fflate';
import { useState } from 'react';
import { steerKind } from '../../experiments/steer/kind.ts';
import type { SteerResult } from '../../experiments/steer/result.ts';
import { messageOf } from '../../messages/wording.ts';
import { download } from '../experiment/exports.ts';

export function TakeAlong({ result }: { readonly result: SteerResult }) {
  const [said, setSaid] = useState('');
  const { programs } = steerKind.show(result);

  function save() {
    try {
      const { files } = steerKind.show(result);
      const all = {
        ...files(),
        ...Object.fromEntries(
          programs.map(({ name, text }) => [`${name}.py`, new TextEncoder().encode(text)] as const),
        ),
      };
      // A copy: what the archive is made of may lie in a larger buffer.
      download(new Blob([new Uint8Array(zipSync(all))]), 'vectors.zip');
      setSaid(`Saved vectors.zip: ${Object.keys(all).join(', ')}.`);
    } catch (cause) {
      setSaid(messageOf(cause));
    }
  }

  return (
    <div className="steer-along">
      <button
        type="button"
        className="button"
        title="The vectors for llama.cpp, safetensors and pyvene, with programs, as one zip"
        onClick={save}
      >
        Save the vectors
      </button>
      <span role="status" className="mute small">
        {said}
      </span>
    </div>
  );
}
