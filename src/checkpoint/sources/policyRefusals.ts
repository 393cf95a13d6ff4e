// Requests that the page's policy (src/cli/serve/policy.ts) has refused. A refused fetch fails as a dead network does; only an
// event of the scope says that it was the policy.

const refused = new Set<string>();

function note(event: Event): void {
  if ('blockedURI' in event && typeof event.blockedURI === 'string' && URL.canParse(event.blockedURI))
    refused.add(new URL(event.blockedURI).origin);
}

// Node has no such scope and no policy.
if (typeof globalThis.addEventListener === 'function')
  globalThis.addEventListener('securitypolicyviolation', note);

/**
 * Why a fetch that has failed was refused, and the remedy; undefined when it was not the policy.
 * The event of a refusal may come after the fetch has failed, so this waits for a turn.
 */
export async function policyRefusal(url: string): Promise<string | undefined> {
  if (!URL.canParse(url)) return undefined;
  await new Promise((resolve) => setTimeout(resolve, 0));
  const { origin } = new URL(url);
  return refused.has(origin)
    ? `The policy of this page does not let it read from ${origin}. Start Patchbay with --hub ${origin}, or open the model from a folder.`
    : undefined;
}
