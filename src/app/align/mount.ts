// The Align page made over the workbench's services, once it is asked for.

import {
  createExperimentPage,
  type ExperimentPage,
  type PageServices,
} from '../experiment/experimentPage.ts';
import type { FigureStore } from '../experiment/figureStore.ts';
import { alignExamples } from './examples.ts';
import { type AlignTypes, alignPage } from './page.ts';

export const mountAlign = (services: PageServices, figure: FigureStore): ExperimentPage<AlignTypes> =>
  createExperimentPage(alignPage(alignExamples), services, figure);
