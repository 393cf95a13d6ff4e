// `patchbay serve`: the workbench in the browser, from the files that are installed. Nothing is written, so any folder will do.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '../arguments.ts';
import { type Arguments, type Command, usageOf } from '../command.ts';
import { isCheckout, pageFolder } from '../installation.ts';
import { servePage } from '../serve/pageServer.ts';
import { untilStopped } from '../stopSignals.ts';

const usualPort = 4170;

function readPort(text: string | undefined): number {
  if (text === undefined) return usualPort;
  const port = Number(text);
  if (text.trim() === '' || !Number.isInteger(port) || port < 0 || port > 65_535)
    throw new UsageError(`--port must be a whole number from 0 (any free one) to 65535; it is '${text}'.`);
  return port;
}

/** @throws UsageError for what is not the address of a server */
function readHub(text: string): string {
  const url = /^https?:\/\//.test(text) && URL.canParse(text) ? new URL(text) : undefined;
  // A policy is words between spaces and semicolons.
  if (url === undefined || /[\s;,]/.test(url.origin))
    throw new UsageError(`--hub must be the address of a hub, such as https://hub.example; it is '${text}'.`);
  return url.origin;
}

/** What opens an address in the browser of this system. */
const openers: Readonly<Record<string, readonly [string, ...string[]]>> = {
  darwin: ['open'],
  win32: ['rundll32', 'url.dll,FileProtocolHandler'],
};

function openInBrowser(url: string): void {
  const [program, ...words] = openers[process.platform] ?? ['xdg-open'];
  const child = spawn(program, [...words, url], { stdio: 'ignore', detached: true });
  child.on('error', () =>
    console.error(`No browser could be opened here (${program}). Open ${url} yourself.`),
  );
  child.unref();
}

async function run(args: Arguments): Promise<number> {
  if (args.positionals.length > 0) throw new UsageError(usageOf(command));
  const port = readPort(args.text('port'));
  const hubs = args.texts('hub').map(readHub);
  if (!existsSync(join(pageFolder, 'index.html'))) {
    const remedy = isCheckout
      ? 'Run npm start, which builds and serves it.'
      : 'Install Patchbay again; the folder dist/page of the package is missing.';
    throw new UsageError(`The page is not built. ${remedy}`);
  }
  const server = await servePage(pageFolder, { port, hubs });
  const taken = port !== 0 && server.port !== port ? `Port ${port} is taken, so another is used. ` : '';
  console.log(`${taken}Patchbay is at ${server.url} (Ctrl-C to stop)`);
  if (args.has('open')) openInBrowser(server.url);
  await untilStopped();
  await server.close();
  return 0;
}

export const command: Command = {
  name: 'serve',
  about: 'serve the workbench to the browser of this machine; what patchbay does without a command',
  positionals: '',
  options: {
    port: {
      value: 'N',
      about: `default ${usualPort}; where it is taken, the next free one. 0 takes any free one`,
    },
    open: { about: 'open it in the browser' },
    hub: {
      value: 'URL',
      about: 'let models be read from this hub besides huggingface.co; may be repeated',
      isRepeated: true,
    },
  },
  run,
};
