// What a figure can be saved as.

export const exportFormats = ['SVG', 'PNG', 'CSV', 'JSON'] as const;
export type ExportFormat = (typeof exportFormats)[number];

export const formatContents: Readonly<Record<ExportFormat, string>> = {
  SVG: 'The figure with its caption, for vector editors',
  PNG: 'The figure with its caption, as a picture',
  CSV: 'Every metric of every cell, for spreadsheets and data frames',
  JSON: 'The whole result with its experiment, as the command line writes it; it opens here again',
};
