// Names that a person gives to tensors: which tensor of each layer they stand for. Read by whoever runs a sweep, and by the page
// that says of a name what it finds.

/** Where the number of the layer stands in a name. */
export const layerMark = '{layer}';

/**
 * The tensors of a name, one a layer; none where there is no tensor of the first layer.
 * @param own    a tensor's name in which `{layer}` is counted up from 0, or the tensor of each layer
 * @param exists whether the model has a tensor
 */
export function ownTensors(
  own: string | readonly string[],
  exists: (name: string) => boolean,
): readonly string[] {
  if (typeof own !== 'string') return own;
  if (!own.includes(layerMark)) return exists(own) ? [own] : [];
  const tensors: string[] = [];
  for (let layer = 0; ; layer++) {
    const name = own.replaceAll(layerMark, String(layer));
    if (!exists(name)) return tensors;
    tensors.push(name);
  }
}

/** Of `{layer}` and tensors by layer, the shorter that means the same. */
export function ownOf(
  tensors: readonly string[],
  exists: (name: string) => boolean,
): string | readonly string[] {
  const [first = '', second] = tensors;
  if (second === undefined) return first;
  // Where the first two differ in one number alone, that number is the layer's.
  for (const { index } of first.matchAll(/(?<!\d)0(?!\d)/g)) {
    const pattern = `${first.slice(0, index)}${layerMark}${first.slice(index + 1)}`;
    const counted = ownTensors(pattern, exists);
    if (counted.length === tensors.length && counted.every((name, layer) => name === tensors[layer]))
      return pattern;
  }
  return tensors;
}
