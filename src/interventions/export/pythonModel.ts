// How a program in Python opens the model: transformers wants the repository and the revision apart, and of a GGUF file
// its folder and its name.

/** Python's strings are JSON's, but for lone surrogates, which no file can hold. */
export const pythonText = (text: string): string => JSON.stringify(text.toWellFormed());

export interface PythonModel {
  /** Statements that set `name`. */
  readonly lines: readonly string[];
  /** What `from_pretrained` is called with: `name, revision="..."`. */
  readonly source: string;
}

/**
 * @param model a Hub id (`owner/name`, `owner/name@revision`, either with `/FILE.gguf` or `:FILE.gguf`), the path of a
 *   folder or of a .gguf file, or only the name of one, as a page knows it
 */
export function pythonModel(model: string): PythonModel {
  const hub = /^([\w.-]+\/[\w.-]+)@([^/:@]+)(?:[/:](.+\.gguf))?$/.exec(model);
  const colon = /^([\w.-]+\/[\w.-]+):(.+\.gguf)$/.exec(model);
  if (hub || colon) {
    const [repository = '', revision, file] = hub
      ? [hub[1], hub[2], hub[3]]
      : [colon?.[1], undefined, colon?.[2]];
    return {
      lines: [`name = ${pythonText(repository)}`],
      source: [
        'name',
        ...(revision === undefined || revision === 'main' ? [] : [`revision=${pythonText(revision)}`]),
        ...(file === undefined ? [] : [`gguf_file=${pythonText(file)}`]),
      ].join(', '),
    };
  }
  const file = /\.gguf$/i.test(model) ? (/[^\\/]+$/.exec(model)?.[0] ?? model) : undefined;
  const folder = file === undefined ? model : model.slice(0, -file.length).replace(/(?<=.)[\\/]$/, '') || '.';
  const isPath = /[\\/]/.test(model);
  const note = file === undefined ? "the model's folder" : `the folder of ${file}`;
  return {
    lines: [`name = ${pythonText(folder)}${isPath ? '' : `  # the path of ${note}`}`],
    source: file === undefined ? 'name' : `name, gguf_file=${pythonText(file)}`,
  };
}
