#!/usr/bin/env node
// The command. In a package it is built; in a checkout the sources are run as they are, which tsx reads.
import { existsSync } from 'node:fs';
import { requireNode } from './nodeVersion.mjs';

async function load() {
  const sources = new URL('../src/cli/main.ts', import.meta.url);
  if (!existsSync(sources)) return import('../dist/node/cli.js');
  const { register } = await import('tsx/esm/api');
  register();
  // What the tests of WebGPU have installed is found by the command too.
  const { dawnModule } = await import('../scripts/dawn.mjs');
  const dawn = dawnModule();
  if (dawn) process.env.PATCHBAY_DAWN = dawn;
  return import(sources.href);
}

try {
  requireNode();
  const { main } = await load();
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  // What main throws is a fault of the program, and wants its stack.
  console.error(error instanceof Error && error.message.startsWith('Patchbay needs') ? error.message : error);
  process.exitCode = 1;
}
