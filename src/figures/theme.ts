// The inks and letters of a figure. A figure carries its own, because an exported figure has no page around it.

export type ThemeName = 'light' | 'dark' | 'print';

export interface Theme {
  readonly name: ThemeName;
  /** The maps' first colours are chosen to lie next to this one. */
  readonly paper: string;
  readonly ink: string;
  /** Axis numbers and captions: at least 4.5:1 on paper. */
  readonly quietInk: string;
  /** The star of a corrupted token. */
  readonly accent: string;
  /** The lines between cells; pale, but visible beside the palest cell. */
  readonly grid: string;
  /** The border of a panel and of its colour bar: the edge of the data, at least 1.5:1 on paper. */
  readonly frame: string;
  /** Stripes of a cell that is not computed yet, and what lies between them. */
  readonly hatch: string;
  readonly hatchGround: string;
  /** Lines of a chart that are told apart, dashes helping: at least 3:1 on paper. The first is the one in question. */
  readonly lines: readonly [string, string, string, string];
  /** A line among many, there to compare with: at least 3:1 on paper. */
  readonly quietLine: string;
}

export const themes: Readonly<Record<ThemeName, Theme>> = {
  light: {
    name: 'light',
    paper: '#ffffff',
    ink: '#1d1c1a',
    quietInk: '#6f6b64',
    accent: '#b4531f',
    grid: '#e6e3de',
    frame: '#cbc7bf',
    hatch: '#c9c4bb',
    hatchGround: '#f6f4f0',
    lines: ['#0068a8', '#b4531f', '#00785a', '#8a3f86'],
    quietLine: '#938e85',
  },
  dark: {
    name: 'dark',
    paper: '#1a1c1f',
    ink: '#eceae6',
    quietInk: '#a09d96',
    accent: '#e58a52',
    grid: '#2d3036',
    frame: '#474b52',
    hatch: '#50545c',
    hatchGround: '#191b1e',
    lines: ['#5fb2ec', '#e58a52', '#4cc39a', '#d08fd0'],
    quietLine: '#767a82',
  },
  print: {
    name: 'print',
    paper: '#ffffff',
    ink: '#000000',
    quietInk: '#404040',
    accent: '#000000',
    grid: '#e4e4e4',
    frame: '#909090',
    hatch: '#b4b4b4',
    hatchGround: '#ffffff',
    lines: ['#005a94', '#a8480f', '#006b50', '#7d3479'],
    quietLine: '#8c8c8c',
  },
};

/** System fonts only, so that a figure looks like the machine it is read on and carries no font file. */
export const fontStacks = {
  sans: "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif",
  mono: "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace",
} as const;

export type FontFamily = keyof typeof fontStacks;
