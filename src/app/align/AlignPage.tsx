// The Align page: a task, where its variable is looked for, and rotations and masks that are trained while one watches.

import { useMemo } from 'react';
import type { ExperimentPage } from '../experiment/experimentPage.ts';
import { useWorkbench } from '../workbenchContext.tsx';
import '../style/align.css';
import { type AlignBench, createAlignBench } from './alignBench.ts';
import { ExamplesCard } from './ExamplesCard.tsx';
import { BenchProvider, useOwnPage } from './hooks.ts';
import { LearnedCard } from './LearnedCard.tsx';
import { MapCard } from './MapCard.tsx';
import type { AlignTypes } from './page.ts';
import { SiteCard } from './SiteCard.tsx';
import { TaskCard } from './TaskCard.tsx';
import { TrainingCard } from './TrainingCard.tsx';

/** The page is left and come back to; what it has learnt stays. */
const benches = new WeakMap<ExperimentPage<AlignTypes>, AlignBench>();

export default function AlignPage() {
  const { engine, desk } = useWorkbench();
  const page = useOwnPage();
  const bench = useMemo(() => {
    const known = benches.get(page) ?? createAlignBench(engine, page, desk);
    benches.set(page, known);
    return known;
  }, [engine, desk, page]);
  return (
    <BenchProvider value={bench}>
      <div className="column align-main">
        <TaskCard />
        <TrainingCard />
        <MapCard />
        <SiteCard />
        <LearnedCard />
      </div>
      <div className="column align-side">
        <ExamplesCard />
      </div>
    </BenchProvider>
  );
}
