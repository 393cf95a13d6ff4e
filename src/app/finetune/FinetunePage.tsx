// Finetuning, under the tab of the Align page: examples, methods that are trained on them while one watches, and what the model
// says before and after.

import { useMemo } from 'react';
import type { ExperimentPage } from '../experiment/experimentPage.ts';
import { useWorkbench } from '../workbenchContext.tsx';
import '../style/align.css';
import '../style/finetune.css';
import '../style/sweep.css';
import { AdaptersCard } from './AdaptersCard.tsx';
import { AnswersCard } from './AnswersCard.tsx';
import { CurvesCard } from './CurvesCard.tsx';
import { ExamplesCard } from './ExamplesCard.tsx';
import { createFinetuneBench, type FinetuneBench } from './finetuneBench.ts';
import { BenchProvider, useOwnPage } from './hooks.ts';
import { OutcomeCard } from './OutcomeCard.tsx';
import type { FinetuneTypes } from './page.ts';
import { TrainingCard } from './TrainingCard.tsx';
import { TryCard } from './TryCard.tsx';

/** The page is left and come back to; what was asked on it stays. */
const benches = new WeakMap<ExperimentPage<FinetuneTypes>, FinetuneBench>();

export default function FinetunePage() {
  const { engine } = useWorkbench();
  const page = useOwnPage();
  const bench = useMemo(() => {
    const known = benches.get(page) ?? createFinetuneBench(engine, page);
    benches.set(page, known);
    return known;
  }, [engine, page]);
  return (
    <BenchProvider value={bench}>
      <div className="column tune-main">
        <ExamplesCard />
        <AdaptersCard />
        <TrainingCard />
        <CurvesCard />
        <AnswersCard />
      </div>
      <div className="column tune-side">
        <OutcomeCard />
        <TryCard />
      </div>
    </BenchProvider>
  );
}
