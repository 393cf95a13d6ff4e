// What a trace shows, and what it does not.

export function TraceHelp() {
  return (
    <section className="card trace-help" aria-labelledby="trace-help-title">
      <div className="card-head">
        <h2 id="trace-help-title">Reading a trace</h2>
      </div>
      <p>
        The prompt runs three ways: clean; corrupted, with noise on the subject; and corrupted with one state
        put back as it was in the clean run. A strongly coloured cell is a place whose state alone brings the
        answer back.
      </p>
      <p>
        MLP and attention are put back over a window of layers around the cell, because one layer of them does
        little by itself.
      </p>
      <p>
        On the colour bar, the two lines are the corrupted and the clean run. A cell with a corner turned up
        lies beyond the colours’ range, one with a corner turned down before it; a dotted line under the
        layers marks windows cut by the edge of the model.
      </p>
      <h3>What it does not show</h3>
      <ul>
        <li>
          Where a fact is stored. Where a trace peaks does not tell where an edit works best (Hase et al.
          2023).
        </li>
        <li>
          What the model does on real text. Noise takes it off its distribution; other tokens in the subject’s
          place disturb it less (Zhang and Nanda 2023).
        </li>
        <li>That a pale cell does nothing: other paths can make up for it.</li>
      </ul>
    </section>
  );
}
