// Names of what an edit adds at one of its sites, in files and programs.

/** `italy.layer_3.head_2` */
export const siteTensor = (
  edit: string,
  { layer, head }: { readonly layer: number | null; readonly head: number | null },
): string =>
  [edit, ...(layer === null ? [] : [`layer_${layer}`]), ...(head === null ? [] : [`head_${head}`])].join('.');
