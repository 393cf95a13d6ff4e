// What other tools read of a steering: the vectors as files, and programs.

import { zipSync } from 'fflate';
import { useState } from 'react';
import type { SteerResult } from '../../experiments/steer/result.ts';
import { steerFiles } from '../../experiments/steer/steerFiles.ts';
import { listed, messageOf } from '../../messages/wording.ts';
import { download } from '../experiment/exports.ts';
import { useOwnPage } from './hooks.ts';

export function TakeAlong({ result }: { readonly result: SteerResult }) {
  const { face } = useOwnPage();
  const [said, setSaid] = useState('');

  const stem = face.fileStem(result);

  function save() {
    try {
      const { files, refused } = steerFiles(result);
      const { programs } = result;
      const all = {
        ...files,
        ...Object.fromEntries(
          programs.flatMap(({ name, text }) =>
            text === null ? [] : [[name, new TextEncoder().encode(text)] as const],
          ),
        ),
      };
      const without = [
        ...refused.map(({ name, why }) => `${name}: ${why}`),
        ...programs.flatMap(({ name, why }) => (why === null ? [] : [`${name}: ${why}`])),
      ];
      // A copy: what the archive is made of may lie in a larger buffer.
      download(new Blob([new Uint8Array(zipSync(all))]), `${stem}.zip`);
      setSaid(
        `Saved ${stem}.zip with ${listed(Object.keys(all))}.${without.length === 0 ? '' : ` Without ${without.join(' ')}`}`,
      );
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
