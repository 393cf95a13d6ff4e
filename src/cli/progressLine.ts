// How far a run is, on stderr: one line that is written over in a terminal, a line for every quarter in a file.

export interface ProgressLine {
  readonly show: (done: number, total: number) => void;
  readonly end: () => void;
}

/** A line for every quarter of the work, where it goes to a file. */
function progressLog(): ProgressLine {
  let shown = -1;
  return {
    show: (done, total) => {
      const quarter = total > 0 ? Math.floor((done / total) * 4) : 4;
      if (quarter <= shown) return;
      shown = quarter;
      process.stderr.write(`${quarter * 25} % of ${total} layer passes\n`);
    },
    end: () => undefined,
  };
}

/** One line that is written over as work is done. */
export function progressLine(): ProgressLine {
  if (!process.stderr.isTTY) return progressLog();
  const started = performance.now();
  return {
    show: (done, total) => {
      const share = total > 0 ? done / total : 1;
      const left = share > 0 ? ((performance.now() - started) / 1000) * (1 / share - 1) : Number.NaN;
      const wait = Number.isFinite(left) ? `, ${Math.ceil(left)} s left` : '';
      process.stderr.write(`\r${(share * 100).toFixed(0).padStart(3)} % of ${total} layer passes${wait}   `);
    },
    end: () => process.stderr.write('\r\u001b[K'),
  };
}
