// A Hub model as a person writes it: an id, or the address of its page. Checked before anything is fetched.

export interface HubAddress {
  readonly repository: string;
  readonly revision: string;
  readonly hubUrl: string;
  /** A `.gguf` or `.onnx` file of the repository. */
  readonly file?: string;
}

/** What stands in the form; empty where nothing was written. */
export type HubFields = Readonly<Record<keyof HubAddress, string>>;

export type HubAddressResult =
  | { readonly ok: true; readonly address: HubAddress }
  | { readonly ok: false; readonly message: string };

export const defaultHubUrl = 'https://huggingface.co';
export const defaultRevision = 'main';

const namePart = /^\w[\w.-]*$/;

/** Take a pasted page address apart: `https://hub/owner/name/tree/revision`, `.../blob/revision/file`. */
function fromPageAddress(text: string): HubAddress | null {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) return null;
  const url = new URL(text);
  const [owner = '', name = '', marker = '', ...rest] = url.pathname.split('/').filter((part) => part !== '');
  const repository = name === '' ? owner : `${owner}/${name}`;
  const isFile = (marker === 'blob' || marker === 'resolve') && rest.length > 1;
  const places = (isFile ? rest.slice(0, 1) : marker === 'tree' ? rest : []).map(decodeURIComponent);
  return {
    repository,
    hubUrl: url.origin,
    revision: places.join('/'),
    ...(isFile ? { file: rest.slice(1).map(decodeURIComponent).join('/') } : {}),
  };
}

export function readHubAddress(fields: HubFields): HubAddressResult {
  const refuse = (message: string): HubAddressResult => ({ ok: false, message });
  const typed = fields.repository.trim();
  if (typed === '') return refuse('Write the id of a model, such as HuggingFaceTB/SmolLM2-135M.');

  // As the command line takes it: `owner/name:onnx/model.onnx`.
  const [, id = typed, named] = /^([^:@]+):([^:]+\.(?:gguf|onnx))$/.exec(typed) ?? [];
  const page = fromPageAddress(typed);
  const repository = page?.repository ?? id;
  const revision = page?.revision || fields.revision.trim() || defaultRevision;
  const hubUrl = (page?.hubUrl ?? (fields.hubUrl.trim() || defaultHubUrl)).replace(/\/+$/, '');
  const file = page?.file ?? named ?? fields.file.trim();

  const parts = repository.split('/');
  if (parts.length > 2 || !parts.every((part) => namePart.test(part))) {
    return refuse(
      `'${repository}' is not the id of a model. An id is an owner and a name with a slash between, ` +
        'such as HuggingFaceTB/SmolLM2-135M.',
    );
  }
  if (/\s/.test(revision)) {
    return refuse(
      `'${revision}' is not a revision. Write a branch, a tag or a commit, such as ${defaultRevision}.`,
    );
  }
  if (!/^https?:\/\//.test(hubUrl) || !URL.canParse(hubUrl)) {
    return refuse(`'${hubUrl}' is not a web address. The usual one is ${defaultHubUrl}.`);
  }
  if (file !== '' && !/\.(gguf|onnx)$/.test(file)) {
    return refuse(
      `'${file}' is not a .gguf or .onnx file. Leave the field empty to load the repository's safetensors.`,
    );
  }
  return { ok: true, address: { repository, revision, hubUrl, ...(file === '' ? {} : { file }) } };
}
