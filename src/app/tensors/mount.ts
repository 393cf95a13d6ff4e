// The Tensors page made over the workbench's services, once it is asked for.

import {
  createExperimentPage,
  type ExperimentPage,
  type PageServices,
} from '../experiment/experimentPage.ts';
import type { FigureStore } from '../experiment/figureStore.ts';
import { type TensorsTypes, tensorsPage } from './page.ts';

export function mountTensors(services: PageServices, figure: FigureStore): ExperimentPage<TensorsTypes> {
  const page = createExperimentPage(tensorsPage, services, figure);
  // The model was there before the page was: what stands in the form follows from it.
  page.edit((document) => document);
  return page;
}
