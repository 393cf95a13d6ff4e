// The page of finetuning made over the workbench's services, once it is asked for.

import {
  createExperimentPage,
  type ExperimentPage,
  type PageServices,
} from '../experiment/experimentPage.ts';
import type { FigureStore } from '../experiment/figureStore.ts';
import { finetuneExamples } from './examples.ts';
import { type FinetuneTypes, finetunePage } from './page.ts';

export const mountFinetune = (services: PageServices, figure: FigureStore): ExperimentPage<FinetuneTypes> =>
  createExperimentPage(finetunePage(finetuneExamples), services, figure);
