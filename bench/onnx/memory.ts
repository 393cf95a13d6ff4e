// npx tsx bench/onnx/memory.ts [--products 8] [--width 4096] [--only node,wasm,chromium] [--backend wasm]
// What a file with weights beside it takes in memory: opened, and run once, on Node and on WebAssembly in a process each, and in the
// built page in Chromium, where all processes of the browser are looked at and the largest is told (the one with the tab).
// Prints megabytes of 10^6 bytes: resident after opening, the most until then, and the most with a run of one row.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { chromium, expect } from '@playwright/test';
import { serveFolder } from '../../e2e/staticHost.ts';
import { chromiumExecutable } from '../../scripts/chromium.mjs';
import { diskFolder, openDiskFile } from '../../src/checkpoint/sources/disk.ts';
import { ImportedModel } from '../../src/imported/importedModel.ts';
import { createNodeRuntime, createWasmRuntimeOnNode } from '../../src/imported/nodeRuntime.ts';
import { describeMachine } from '../machine.ts';
import { writeBigFile } from './bigFile.ts';

const { values } = parseArgs({
  options: {
    products: { type: 'string', default: '8' },
    width: { type: 'string', default: '4096' },
    only: { type: 'string', default: 'node,wasm,chromium' },
    /** Of the page. */
    backend: { type: 'string', default: 'wasm' },
    /** In a process of its own: the file to open. */
    open: { type: 'string' },
  },
});

/** Megabytes of a process: `VmRSS` are resident now, `VmHWM` were at most. */
function megabytes(process: number | 'self', key: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${process}/status`, 'utf8');
  const [, kib = '0'] = new RegExp(`${key}:\\s+(\\d+)`).exec(status) ?? [];
  return (Number(kib) * 1024) / 1e6;
}

async function openHere(path: string, kind: string): Promise<void> {
  const runtime = kind === 'node' ? await createNodeRuntime(2) : await createWasmRuntimeOnNode(2);
  const source = await openDiskFile(path);
  if (!source) throw new Error(`There is no ${path}.`);
  const empty = megabytes('self', 'VmRSS');
  const model = await ImportedModel.open(source, runtime, {
    openPart: (name) => diskFolder(dirname(path)).open(name),
  });
  const opened = [megabytes('self', 'VmRSS'), megabytes('self', 'VmHWM')];
  const output = model.graph.outputs[0] ?? '';
  await model.run([{ inputs: model.probe.inputs, edits: [], reads: [output] }]);
  const run = megabytes('self', 'VmHWM');
  console.log([empty, ...opened, run].map((each) => each.toFixed(0)).join(' '));
  process.exit(0);
}

/** All processes that descend from this one. */
function descendants(): readonly number[] {
  const parents = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const [, parent = '0'] = /^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${name}/status`, 'utf8')) ?? [];
        return [[Number(name), Number(parent)] as const];
      } catch {
        // It has ended meanwhile.
        return [];
      }
    });
  const found = [process.pid];
  for (const parent of found) found.push(...parents.filter((pair) => pair[1] === parent).map(([own]) => own));
  return found.slice(1);
}

/** Of Chromium's processes with pages, the largest. */
function tab(key: 'VmRSS' | 'VmHWM'): number {
  const sizes = descendants().flatMap((own) => {
    try {
      const isTab = readFileSync(`/proc/${own}/cmdline`, 'utf8').includes('--type=renderer');
      return isTab ? [megabytes(own, key)] : [];
    } catch {
      // It has ended meanwhile.
      return [];
    }
  });
  return Math.max(0, ...sizes);
}

async function openInTab(files: readonly string[]): Promise<readonly number[]> {
  await using host = await serveFolder('dist/page', { isIsolated: true });
  const browser = await chromium.launch({
    executablePath: chromiumExecutable() ?? '',
    args: ['--no-sandbox', '--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'],
  });
  try {
    const page = await browser.newPage();
    await page.goto(`${host.url}?backend=${values.backend}#model`);
    const choose = page.getByRole('button', { name: /^Model:|Choose a model/ }).first();
    await choose.click();
    const empty = tab('VmRSS');
    await page
      .getByLabel('Choose files', { exact: true })
      .last()
      .setInputFiles([...files]);
    await expect(page.getByRole('button', { name: /^Model: model/ })).toBeVisible({ timeout: 300_000 });
    return [empty, tab('VmRSS'), tab('VmHWM')];
  } finally {
    await browser.close();
  }
}

if (values.open !== undefined) await openHere(values.open, values.only);
const folder = mkdtempSync(join(tmpdir(), 'patchbay-memory-'));
try {
  const sizes = { products: Number(values.products), width: Number(values.width) };
  const { model, part, bytes } = writeBigFile(folder, sizes);
  console.log(`${describeMachine()}\n${(bytes / 1e6).toFixed(0)} MB of weights beside the file`);
  console.log(
    '| | before | resident after opening | most until then | most with a run |\n|---|---|---|---|---|',
  );
  for (const kind of values.only.split(',')) {
    const own = fileURLToPath(import.meta.url);
    const told =
      kind === 'chromium'
        ? (await openInTab([model, part])).map((each) => each.toFixed(0))
        : execFileSync('npx', ['tsx', own, '--open', model, '--only', kind], { encoding: 'utf8' })
            .trim()
            .split(' ');
    console.log(`| ${kind} | ${told.join(' | ')} |`);
  }
} finally {
  rmSync(folder, { recursive: true });
}
