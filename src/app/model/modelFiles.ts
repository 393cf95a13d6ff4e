// From what a person chose or dropped, the files that make one model, or a sentence that says what is missing. Only
// names and places are looked at here; the engine reads the bytes.

/** A file with its place below what was chosen: `model/config.json`, or just its name. */
export interface FoundFile {
  readonly path: string;
  readonly file: File;
}

export type ModelFiles =
  | { readonly ok: true; readonly label: string; readonly files: readonly File[] }
  | { readonly ok: false; readonly label: string; readonly message: string };

/** A folder of this many files is not a model's. */
export const maxFiles = 2000;

const folderOf = (path: string): string => path.split('/').slice(0, -1).join('/');
const depthOf = (path: string): number => path.split('/').length;
const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** Files of one folder: a nested copy (`onnx/config.json`) must not mix with the model beside it. */
function filesOfFolder(found: readonly FoundFile[], folder: string): readonly FoundFile[] {
  return found.filter(({ path }) => folderOf(path) === folder);
}

/** What says how text and pictures become numbers, and what an output's entries are called. */
const goesWithOnnx = /(^|\/)(tokenizer(_config)?|vocab|config|preprocessor_config)\.json$|\.txt$/;

/**
 * An ONNX file with what lies beside it, and what goes with it beside it or above a folder `onnx`, where Transformers.js has it.
 * A model that reads no text needs no tokenizer; whether this one does, the engine knows.
 */
function onnxFiles(
  found: readonly FoundFile[],
  onnx: readonly FoundFile[],
  refuse: (message: string) => ModelFiles,
): ModelFiles {
  const [first, ...others] = onnx;
  if (!first || others.length > 0) {
    const names = onnx.map(({ path }) => path).join(', ');
    return refuse(
      `There are ${onnx.length} ONNX files (${names}). Choose one of them, with what goes with it.`,
    );
  }
  const folder = folderOf(first.path);
  const beside = filesOfFolder(found, folder).filter((each) => each !== first);
  const above = /(^|\/)onnx$/.test(folder) ? filesOfFolder(found, folderOf(folder)) : [];
  // What lies beside the file stands before what lies above its folder.
  const companions = above.filter(
    ({ path, file }) => goesWithOnnx.test(path) && !beside.some((each) => each.file.name === file.name),
  );
  // Only the file knows what its weights are called, and whether they lie in a folder of their own.
  const below = found.filter(
    ({ path }) =>
      (folder === '' || path.startsWith(`${folder}/`)) &&
      folderOf(path) !== folder &&
      !goesWithOnnx.test(path),
  );
  const files = [first, ...beside, ...below, ...companions].map(({ file }) => file);
  return { ok: true, label: first.file.name, files };
}

export function modelFilesIn(found: readonly FoundFile[]): ModelFiles {
  const byDepth = [...found].sort((a, b) => depthOf(a.path) - depthOf(b.path));
  const ggufs = byDepth.filter(({ path }) => /\.gguf$/i.test(path));
  const weights = byDepth.filter(({ path }) => /\.safetensors$/i.test(path));
  const label =
    weights[0]?.file.name ?? (found.length === 1 ? found[0]?.file.name : null) ?? 'What was chosen';
  const refuse = (message: string): ModelFiles => ({ ok: false, label, message });

  if (found.length === 0) return refuse('The folder has no files. Choose the folder that holds the weights.');

  const [gguf] = ggufs;
  if (gguf !== undefined && weights.length === 0) {
    if (ggufs.length > 1) {
      const names = ggufs.map(({ file }) => file.name).join(', ');
      return refuse(`There are ${ggufs.length} GGUF files (${names}). Choose one of them.`);
    }
    return { ok: true, label: gguf.file.name, files: [gguf.file] };
  }

  const onnx = byDepth.filter(({ path }) => /\.onnx$/i.test(path));
  if (onnx.length > 0 && weights.length === 0) return onnxFiles(found, onnx, refuse);

  const [first] = weights;
  if (first === undefined) {
    const what = found.length === 1 ? `'${label}' is not` : `None of the ${plural(found.length, 'file')} is`;
    return refuse(
      `${what} a .gguf, .safetensors or .onnx file. Other formats hold code or cannot be read in parts.`,
    );
  }
  const folder = folderOf(first.path);
  const beside = filesOfFolder(found, folder).map(({ file }) => file);
  const isBeside = (name: string): boolean => beside.some((file) => file.name === name);
  // The oldest folders have their tokenizer in two files.
  const isInTwo = isBeside('vocab.json') && isBeside('merges.txt');
  // That of proteins is a list of tokens.
  const hasTokenizer = isBeside('tokenizer.json') || isInTwo || isBeside('vocab.txt');
  const missing = [
    ...(isBeside('config.json') ? [] : ['config.json']),
    ...(hasTokenizer ? [] : ['tokenizer.json']),
  ];
  if (missing.length > 0) {
    const verb = missing.length === 1 ? 'is' : 'are';
    return refuse(
      `${missing.join(' and ')} ${verb} not beside '${first.file.name}'. ` +
        'Choose the weights, config.json and tokenizer.json together, or the folder that holds them.',
    );
  }
  const files = beside.filter((file) => /\.(safetensors|json)$|^(merges|vocab)\.txt$/i.test(file.name));
  return { ok: true, label: folder.split('/').at(-1) || first.file.name, files };
}

/** Files from an `<input type="file">`, of a folder or not. */
export function filesFromInput(list: FileList | null): readonly FoundFile[] {
  return [...(list ?? [])].map((file) => ({ path: file.webkitRelativePath || file.name, file }));
}
