// Where a node stood in the program that was exported. torch.export writes a list of Python as text; it is read, never
// evaluated. The same metadata carries file paths of the exporter's machine, which are not looked at.

/** The strings of a Python list written as text: `['', 'encoder', 'encoder.layer.0']`. */
function pythonStrings(text: string): readonly string[] {
  return [...text.matchAll(/'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"/g)].map(
    ([, single, double]) => single ?? double ?? '',
  );
}

/** @returns the modules around the node, outermost first; the last is often the operator itself */
export function scopesOf(metadata: ReadonlyMap<string, string>): readonly string[] {
  const listed = metadata.get('pkg.torch.onnx.name_scopes');
  if (listed !== undefined) return pythonStrings(listed.slice(0, 10_000)).filter((scope) => scope !== '');
  const namespace = metadata.get('namespace');
  if (namespace === undefined) return [];
  return namespace
    .slice(0, 10_000)
    .split('/')
    .map((part) => part.split(':')[0]?.trim() ?? '')
    .filter((scope) => scope !== '');
}
