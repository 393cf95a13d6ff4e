// Cells in the terminal, layers across: coloured blocks where there are colours, plain digits where there are none.

/** How text may look where it is read. */
export interface TextLook {
  /** 256 colours. */
  readonly hasColours: boolean;
  /** Columns of the terminal. */
  readonly columns: number;
}

/** Of xterm's 256 colours, from pale to strong. */
export interface Ramps {
  readonly above: readonly number[];
  /** For cells below the pale end, where they mean something; others are shown as the pale end. */
  readonly below?: readonly number[];
}

export interface TextPanel {
  readonly title: string;
  /** One a line. */
  readonly labels: readonly string[];
  /** [line][layer]: 0 as the pale end, 1 as the strong one; undefined where nothing was computed. */
  readonly shares: readonly (readonly (number | undefined)[])[];
  readonly ramps: Ramps;
}

const clamp = (value: number, most: number): number => Math.max(0, Math.min(most, Math.floor(value)));

/** Shares that are shown as beyond the ends. */
const beyond = 0.1;

/**
 * A cell of one column: a digit from 0 (as the pale end) to 9 (as the strong one), a point where nothing was computed.
 * Where there is a ramp for it, a minus is below the pale end.
 */
function digitOf(share: number | undefined, { below }: Ramps): string {
  if (share === undefined) return '.';
  if (Number.isNaN(share)) return '?';
  return below && share < -beyond ? '-' : String(clamp(share * 10, 9));
}

function blockOf(share: number | undefined, { above, below }: Ramps, width: number): string {
  if (share === undefined || Number.isNaN(share)) return '░'.repeat(width);
  const [ramp, reach] = share < 0 && below ? [below, -share] : [above, share];
  const colour = ramp[clamp(reach * ramp.length, ramp.length - 1)] ?? 255;
  return `\u001b[48;5;${colour}m${' '.repeat(width)}\u001b[0m`;
}

/** Numbers of every fifth layer, above their columns. */
function layerScale(layerCount: number, width: number): string {
  const layers = Array.from({ length: Math.ceil(layerCount / 5) }, (_, fifth) => 5 * fifth);
  return layers
    .map((layer) => String(layer).padEnd(5 * width))
    .join('')
    .trimEnd();
}

/** A panel's title, the numbers of its layers, and its lines. */
export function panelLines({ title, labels, shares, ramps }: TextPanel, look: TextLook): readonly string[] {
  const widest = labels.reduce((most, { length }) => Math.max(most, length), 0);
  const layerCount = shares[0]?.length ?? 0;
  const width = look.hasColours && widest + 1 + 2 * layerCount <= look.columns ? 2 : 1;
  return [
    title,
    `${' '.repeat(widest + 1)}${layerScale(layerCount, width)}`,
    ...shares.map((line, index) => {
      const cells = line.map((share) =>
        look.hasColours ? blockOf(share, ramps, width) : digitOf(share, ramps),
      );
      return `${(labels[index] ?? '').padStart(widest)} ${cells.join('')}`;
    }),
    '',
  ];
}

export const fourDigits = (value: number): string => String(Number(value.toPrecision(4)));
