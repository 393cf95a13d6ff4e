// The Patch page: two prompts, a rack of sockets, cables between them, and at once what they do.

import { useMemo } from 'react';
import type { ExperimentPage } from '../experiment/experimentPage.ts';
import { usePageOf } from '../experiment/pageContext.tsx';
import { useWorkbench } from '../workbenchContext.tsx';
import '../style/patch.css';
import { createPatchBench, type PatchBench } from './bench.ts';
import { BenchProvider } from './benchContext.tsx';
import { CablesCard } from './CablesCard.tsx';
import { ConfigurationCard } from './ConfigurationCard.tsx';
import { EffectCard } from './EffectCard.tsx';
import { PromptRows } from './PromptRows.tsx';
import type { PatchTypes } from './page.ts';
import { RackCard } from './RackCard.tsx';
import { ScatterCard } from './ScatterCard.tsx';
import { SweepCard } from './SweepCard.tsx';

/** The page is left and come back to; what it has measured stays. */
const benches = new WeakMap<ExperimentPage<PatchTypes>, PatchBench>();

export default function PatchPage() {
  const { engine, desk } = useWorkbench();
  const page = usePageOf<PatchTypes>('intervene');
  const bench = useMemo(() => {
    const known = benches.get(page) ?? createPatchBench(engine, page, desk);
    benches.set(page, known);
    return known;
  }, [engine, desk, page]);
  return (
    <BenchProvider value={bench}>
      <div className="column patch-main">
        <PromptRows />
        <RackCard />
        <SweepCard />
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
