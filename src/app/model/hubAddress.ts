// A Hub model as a person writes it: an id, or the address of its page. Checked before anything is fetched.

export interface HubAddress {
  readonly repository: string;
  readonly revision: string;
  readonly hubUrl: string;
}

export type HubAddressResult =
  | { readonly ok: true; readonly address: HubAddress }
  | { readonly ok: false; readonly message: string };

export const defaultHubUrl = 'https://huggingface.co';
export const defaultRevision = 'main';

const namePart = /^\w[\w.-]*$/;

/** Take a pasted page address apart: `https://hub/owner/name/tree/revision`. */
function fromPageAddress(text: string): { repository: string; revision?: string; hubUrl: string } | null {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) return null;
  const url = new URL(text);
  const [owner = '', name = '', marker, ...rest] = url.pathname.split('/').filter((part) => part !== '');
  const revision = marker === 'tree' ? rest.map(decodeURIComponent).join('/') : '';
  const repository = name === '' ? owner : `${owner}/${name}`;
  return { repository, hubUrl: url.origin, ...(revision === '' ? {} : { revision }) };
}

export function readHubAddress(fields: HubAddress): HubAddressResult {
  const refuse = (message: string): HubAddressResult => ({ ok: false, message });
  const typed = fields.repository.trim();
  if (typed === '') return refuse('Write the id of a model, such as HuggingFaceTB/SmolLM2-135M.');

  const page = fromPageAddress(typed);
  const repository = page?.repository ?? typed;
  const revision = page?.revision ?? (fields.revision.trim() || defaultRevision);
  const hubUrl = (page?.hubUrl ?? (fields.hubUrl.trim() || defaultHubUrl)).replace(/\/+$/, '');

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
  return { ok: true, address: { repository, revision, hubUrl } };
}
