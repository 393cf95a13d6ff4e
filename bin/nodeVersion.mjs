// Which versions of Node Patchbay runs on. An older one reads this file too, so it is written in what all of them know.

/** Throws a sentence when this Node is too old. */
export function requireNode(version = process.versions.node) {
  const [major, minor] = version.split('.').map(Number);
  // What Vite runs on.
  if ((major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major > 22) return;
  throw new Error(
    `Patchbay needs Node 20.19, or 22.12 or newer; this is Node ${version}. Install one of these.`,
  );
}
