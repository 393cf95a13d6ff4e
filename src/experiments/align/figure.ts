// An alignment as figures: the interchange intervention accuracies (IIA) of a grid of sites as heatmaps, and the training
// of the sites as curves.

import { extent } from 'd3';
import type { HeatmapDescription, HeatmapPanel } from '../../figures/description.ts';
import type {
  Dash,
  Line,
  LineLook,
  LinesDescription,
  LinesPanel,
  Point,
} from '../../figures/linesDescription.ts';
import { type AlignResult, isSiteDone, type SiteResult } from './result.ts';
import { indexOfPosition, type SitePosition } from './sitePosition.ts';
import { alignCaption, controlWords, positionWord, siteWords } from './words.ts';

const titleOf = ({ experiment }: AlignResult): string =>
  experiment.title ?? `Where ${experiment.site.component} holds the variable`;

/** Test accuracies beside those of the control, by layer and position. */
export function alignFigure(result: AlignResult): HeatmapDescription {
  const { layers, positions, sites } = result;
  const control = controlWords(result.experiment);
  const drawn = (title: string, pick: (final: NonNullable<SiteResult['final']>) => number): HeatmapPanel => ({
    title,
    colours: 'viridis',
    values: positions.map((_, column) =>
      layers.map((__, row) => {
        const site = sites[row * positions.length + column];
        return site?.final && isSiteDone(site) ? pick(site.final) : undefined;
      }),
    ),
    axisTitle: 'layer',
  });
  return {
    title: titleOf(result),
    caption: `${alignCaption(result)} ${control.sentence}`,
    panels: [
      drawn('Test IIA', ({ testAccuracy }) => testAccuracy),
      drawn(`Control, ${control.name}`, ({ controlAccuracy }) => controlAccuracy),
    ],
    locations: { kind: 'named', names: positions.map(positionWord) },
    layers,
    metric: { name: 'interchange intervention accuracy', shortName: 'IIA', digits: 2 },
    range: { start: 0, end: 1 },
  };
}

const stepPoints = (values: readonly number[]): readonly Point[] =>
  values.map((value, index) => [index + 1, value]);

const epochPoints = (
  { epochs }: SiteResult,
  pick: (epoch: SiteResult['epochs'][number]) => number,
): readonly Point[] => epochs.map((epoch) => [epoch.step, pick(epoch)]);

const accuracyOf = ({ final, epochs }: SiteResult): number =>
  final?.testAccuracy ?? epochs.at(-1)?.testAccuracy ?? Number.NEGATIVE_INFINITY;

const lastLoss = ({ epochs }: SiteResult): number => epochs.at(-1)?.loss ?? Number.POSITIVE_INFINITY;

/** The site with the highest test accuracy; of several the one with the lowest loss in its last epoch. */
function bestSite(sites: readonly SiteResult[]): SiteResult | undefined {
  const [best] = sites.toSorted((a, b) => accuracyOf(b) - accuracyOf(a) || lastLoss(a) - lastLoss(b));
  return best && best.epochs.length > 0 ? best : undefined;
}

/** Over so many times their least value, the losses at the end of a training would all lie on the axis. */
const wideRatio = 100;

/** The panel of the losses. Its axis is logarithmic where they span powers of ten, and says so. */
function lossPanel(words: string, lines: readonly Line[]): LinesPanel {
  const losses = lines.flatMap(({ points }) => points.map(([, loss]) => loss)).filter(Number.isFinite);
  const [least = 0, most = 0] = extent(losses);
  const isLogarithmic = least > 0 && most >= wideRatio * least;
  const unit = isLogarithmic ? '(nats), logarithmic axis' : '(nats)';
  // The last losses are what such an axis is for: two decimals would call them all nothing.
  const digits = isLogarithmic ? Math.min(6, Math.max(2, 1 - Math.floor(Math.log10(least)))) : 2;
  return { title: 'Loss', yTitle: `${words} ${unit}`, lines, isLogarithmic, digits };
}

const accuracyRange = [0, 1] as const;
const accuracyTitle = 'share of examples that come out right';
const widthPanel = { title: 'Width', yTitle: 'share of the width that is interchanged, each step' } as const;

const levels = ({ unedited, majority }: AlignResult) => [
  { name: 'no intervention', value: unedited },
  { name: 'majority label', value: majority.share },
];

/** What was measured at one site. */
export function oneSitePanels(result: AlignResult, site: SiteResult | undefined): readonly LinesPanel[] {
  const { steps, final } = site ?? { steps: { loss: [] } };
  const ofEpochs = (pick: (epoch: SiteResult['epochs'][number]) => number) =>
    site ? epochPoints(site, pick) : [];
  const isLabelled = true;
  return [
    lossPanel('cross-entropy of the label', [
      { name: 'each step', points: stepPoints(steps.loss), weight: 'quiet', isLabelled },
      { name: 'mean of epoch', points: ofEpochs(({ loss }) => loss), hasDots: true, isLabelled },
    ]),
    {
      title: 'Interchange intervention accuracy (IIA)',
      yTitle: accuracyTitle,
      range: accuracyRange,
      lines: [
        { name: 'test', points: ofEpochs(({ testAccuracy }) => testAccuracy), hasDots: true, isLabelled },
        {
          name: 'train',
          points: ofEpochs(({ trainAccuracy }) => trainAccuracy),
          hasDots: true,
          isLabelled,
          ink: 1,
          dash: 'dashed',
        },
      ],
      references: [
        ...levels(result),
        ...(final ? [{ name: controlWords(result.experiment).name, value: final.controlAccuracy }] : []),
      ],
    },
    ...(steps.widthShare
      ? [
          {
            ...widthPanel,
            range: accuracyRange,
            lines: [{ name: 'width', points: stepPoints(steps.widthShare), isLabelled }],
          },
        ]
      : []),
  ];
}

type LookOf = (site: SiteResult) => LineLook & Pick<Line, 'isLabelled'>;

/** The same look in each panel: a line for each site. */
function manySitesPanels(
  result: AlignResult,
  sites: readonly SiteResult[],
  lookOf: LookOf,
): readonly LinesPanel[] {
  const linesOf = (points: (site: SiteResult) => readonly Point[], hasDots = false): readonly Line[] =>
    sites.map((site) => ({ ...lookOf(site), points: points(site), hasDots }));
  // Batches differ so much that the losses of single steps would hide each other; with one epoch there is nothing else.
  const isByEpoch = sites.some(({ epochs }) => epochs.length > 1);
  const hasDots = sites.length <= 4;
  return [
    lossPanel(
      `cross-entropy of the label, ${isByEpoch ? 'mean of each epoch' : 'each step'}`,
      isByEpoch
        ? linesOf((site) => epochPoints(site, ({ loss }) => loss), hasDots)
        : linesOf(({ steps }) => stepPoints(steps.loss)),
    ),
    {
      title: 'IIA, test examples',
      yTitle: accuracyTitle,
      range: accuracyRange,
      lines: linesOf((site) => epochPoints(site, ({ testAccuracy }) => testAccuracy), hasDots),
      references: levels(result),
    },
    {
      title: 'IIA, training examples',
      yTitle: accuracyTitle,
      range: accuracyRange,
      lines: linesOf((site) => epochPoints(site, ({ trainAccuracy }) => trainAccuracy), hasDots),
    },
    ...(sites.some(({ steps }) => steps.widthShare)
      ? [
          {
            ...widthPanel,
            range: accuracyRange,
            lines: linesOf(({ steps }) => stepPoints(steps.widthShare ?? [])),
          },
        ]
      : []),
  ];
}

const dashes: readonly Dash[] = ['solid', 'dashed', 'dotted', 'dash-dotted'];
const inks = [0, 1, 2, 3] as const;
/** So many lines can be told apart by ink, dashes and labels. */
const fewSites = inks.length;

/** What was measured during training: losses, accuracies after each epoch and, of the types that learn it, the width. */
export function alignCurves(result: AlignResult): LinesDescription {
  const { sites, positions } = result;
  const begun = sites.filter((site) => site !== null);
  const title = `${titleOf(result)}: training at ${sites.length === 1 ? 'one site' : `${sites.length} sites`}`;
  const caption = alignCaption(result);
  const shared = { title, xTitle: 'steps' };
  if (sites.length === 1) {
    return { ...shared, caption, panels: oneSitePanels(result, begun[0]) };
  }
  if (sites.length <= fewSites) {
    const lookOf: LookOf = (site) => {
      const place = sites.indexOf(site);
      return {
        name: siteWords(site),
        ink: inks[place] ?? 0,
        dash: dashes[place] ?? 'solid',
        isLabelled: true,
      };
    };
    return { ...shared, caption, panels: manySitesPanels(result, begun, lookOf) };
  }
  // Dashes tell the positions apart, as far as there are dashes.
  const dashOf = (position: SitePosition): Dash =>
    positions.length > dashes.length ? 'solid' : (dashes[indexOfPosition(positions, position)] ?? 'solid');
  const best = bestSite(begun);
  const lookOf: LookOf = (site) => ({
    name: siteWords(site),
    dash: dashOf(site.position),
    ...(site === best ? { isLabelled: true } : { weight: 'quiet' }),
  });
  const kinds: readonly LineLook[] =
    positions.length > dashes.length
      ? [{ name: 'the other sites', weight: 'quiet' }]
      : positions.map((position) => ({
          name: `${best ? 'other ' : ''}layers at ${positionWord(position)}`,
          weight: 'quiet',
          dash: dashOf(position),
        }));
  return {
    ...shared,
    caption: best
      ? `${caption} Emphasised is the site with the highest test IIA; of several, the one with the lowest loss.`
      : caption,
    panels: manySitesPanels(result, begun, lookOf),
    legend: [...(best ? [{ name: siteWords(best), dash: dashOf(best.position) }] : []), ...kinds],
  };
}
