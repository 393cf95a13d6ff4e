// The Patch page: two prompts, a rack of sockets, cables between them, and at once what they do.

import { useMemo } from 'react';
import { useWorkbench } from '../workbenchContext.tsx';
import '../style/patch.css';
import type { Workbench } from '../workbench.ts';
import { createPatchBench, type PatchBench } from './bench.ts';
import { BenchProvider } from './benchContext.tsx';
import { CablesCard } from './CablesCard.tsx';
import { ConfigurationCard } from './ConfigurationCard.tsx';
import { emptyDocument } from './document.ts';
import { EffectCard } from './EffectCard.tsx';
import { HistoryButtons } from './HistoryButtons.tsx';
import { PromptRows } from './PromptRows.tsx';
import { RackCard } from './RackCard.tsx';
import { ScatterCard } from './ScatterCard.tsx';

/** What a person finds before anything is opened: a pair whose ends differ by one name. */
const first = {
  ...emptyDocument,
  base: 'After Paul and Mark had lunch at the market, Mark gave a basket to',
  sources: ['After Paul and Mark had lunch at the market, Paul gave a basket to'],
};

/** The page is left and come back to; its cables stay. */
const benches = new WeakMap<Workbench, PatchBench>();

function benchOf(workbench: Workbench): PatchBench {
  const known = benches.get(workbench);
  if (known) return known;
  const bench = createPatchBench(workbench.engine, workbench.model, first);
  benches.set(workbench, bench);
  return bench;
}

export default function PatchPage() {
  const workbench = useWorkbench();
  const bench = useMemo(() => benchOf(workbench), [workbench]);
  return (
    <BenchProvider value={bench}>
      <div className="column patch-main">
        <HistoryButtons />
        <PromptRows />
        <RackCard />
        <ConfigurationCard />
      </div>
      <div className="column patch-side">
        <EffectCard />
        <CablesCard />
        <ScatterCard />
      </div>
    </BenchProvider>
  );
}
