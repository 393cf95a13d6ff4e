// The package as others get it: packed, installed into an empty folder outside of this checkout, and used there in each way
// that it promises. What it depends on comes from npm's cache, or from the registry that npm is set to.

import { spawn, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from '@playwright/test';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { serveFolder } from '../e2e/staticHost.ts';
import { chromiumExecutable } from './chromium.mjs';

const root = join(import.meta.dirname, '..');
let folder = '';
let installed = '';

/** @returns what it prints; where it fails, the error holds both of its outputs */
function run(program: string, args: readonly string[], cwd = folder, env = process.env): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd, env, encoding: 'utf8' });
  if (status === 0) return stdout;
  throw new Error(`${program} ${args.join(' ')} failed: ${error?.message ?? ''}\n${stderr}\n${stdout}`);
}

/** Tools of the checkout, on the files of the consumer. */
const tool = (path: string, ...args: readonly string[]): string =>
  run(process.execPath, [join(root, 'node_modules', path), ...args]);

/** The command of somebody who has no home folder, nor another place for what a program would keep. */
const homeless = { ...process.env, HOME: '/dev/null', XDG_CACHE_HOME: '/dev/null', TMPDIR: '/dev/null' };
const patchbay = (...args: readonly string[]): string =>
  run(process.execPath, [join(installed, 'bin/patchbay.mjs'), ...args], folder, homeless);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'patchbay-package-'));
  installed = join(folder, 'node_modules/patchbay');
  run(process.execPath, [join(root, 'scripts/build.mjs')], root);
  // Scripts are left out throughout: prepack would build again, and onnxruntime-node's would fetch CUDA.
  const packed = run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], root);
  const [name = ''] = /[\w.-]+\.tgz/.exec(packed) ?? [];
  writeFileSync(join(folder, 'package.json'), '{ "name": "consumer", "private": true, "type": "module" }');
  const quietly = ['--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts'];
  run('npm', ['install', ...quietly, `./${name}`]);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function filesOf(path: string): readonly string[] {
  return readdirSync(path, { recursive: true, encoding: 'utf8' }).filter((name) =>
    statSync(join(path, name)).isFile(),
  );
}

test('the package holds what was built and no sources, tests or weights twice; an installation adds one dependency', () => {
  const files = filesOf(installed);
  const roots = new Set(
    files.map((path) =>
      path
        .split('/')
        .slice(0, path.startsWith('dist/') ? 2 : 1)
        .join('/'),
    ),
  );
  expect([...roots].sort()).toEqual([
    'LICENSE',
    'README.md',
    'bin',
    'dist/browser',
    'dist/node',
    'dist/page',
    'dist/types',
    'package.json',
  ]);
  expect(files.filter((path) => /\.test\.|(?<!\.d)\.tsx?$|\.map$|\/train\//.test(path))).toEqual([]);
  // One copy of each large file: the library, two programs of onnxruntime, and the weights of the embedded model.
  const large = files.filter((path) => statSync(join(installed, path)).size > 1_000_000);
  expect(large.map((path) => path.replace(/-[\w-]{8}(?=\.wasm)/, '')).sort()).toEqual([
    'dist/browser/library.js',
    'dist/page/assets/ort-wasm-simd-threaded.asyncify.wasm',
    'dist/page/assets/ort-wasm-simd-threaded.wasm',
    'dist/page/models/tiny-atlas/model.safetensors',
  ]);
  const { dependencies = {}, optionalDependencies } = JSON.parse(
    readFileSync(join(installed, 'package.json'), 'utf8'),
  );
  expect(Object.keys({ ...dependencies, ...optionalDependencies })).toEqual(['onnxruntime-node']);
  // What is built in is named with its licence, at every place that it is built into.
  for (const place of ['page', 'node', 'browser'])
    expect(readFileSync(join(installed, 'dist', place, 'licences.md'), 'utf8')).toContain('@huggingface/hub');
});

test('the page is the one for the public, whatever environment it was built in', () => {
  // This runner names the environment 'test'; a page built for that neither keeps itself nor leaves out React's checks.
  expect(process.env.NODE_ENV).toBe('test');
  const assets = join(installed, 'dist/page/assets');
  const scripts = filesOf(assets)
    .filter((path) => path.endsWith('.js'))
    .map((path) => readFileSync(join(assets, path), 'utf8'));
  expect(scripts.filter((text) => /["'`]\.\/serviceWorker\.js/.test(text))).toHaveLength(1);
  expect(scripts.filter((text) => text.includes('Invalid hook call'))).toEqual([]);
});

/** The example of docs/interventions.md: what the embedded model says about the Louvre with the Prado's MLP output. */
const example = (source: string, options = '') => `
  import { IntervenableModel, loadModel } from 'patchbay';
  const { model, tokenizer, dispose } = await loadModel(${source}${options});
  const intervenable = new IntervenableModel({ layer: 0, component: 'mlp_output' }, model, { tokenizer });
  const { intervenedOutputs } = await intervenable.run({
    base: 'The Louvre Museum is in downtown',
    sources: ['The Prado Museum is in downtown'],
    unitLocations: { 'sources->base': 3 },
    logits: 'last',
  });
  const [row] = intervenedOutputs.logits ?? [];
  if (!row) throw new Error('There are no logits.');
  const token: string = tokenizer.tokenText(row.data.indexOf(Math.max(...row.data)));
  await dispose();
`;
const plain = (program: string) => program.replace('token: string', 'token');

describe('the library', () => {
  test('runs on plain Node, on both backends', () => {
    const model = JSON.stringify(join(installed, 'dist/page/models/tiny-atlas'));
    for (const backend of ['node', 'wasm']) {
      const program = plain(example(model, `, { backend: '${backend}' }`));
      writeFileSync(join(folder, 'program.js'), `${program}\nconsole.log(token);\nprocess.exit(0);`);
      expect(run(process.execPath, ['program.js'])).toBe(' Madrid\n');
    }
  });

  test('compiles under strict TypeScript without one error, its declarations included, and finds misspelt words', () => {
    mkdirSync(join(folder, 'types'));
    writeFileSync(
      join(folder, 'types/consumer.ts'),
      `${example("'folder'", ", { backend: 'node', threads: 1 }")}
      import { type ConfigurationInput, readConfiguration } from 'patchbay';
      export const given: ConfigurationInput = { layer: 0, source_representation: [[1, 2], [3]] };
      export const layer: number | null | undefined = readConfiguration(given).representations[0]?.layer;
      // @ts-expect-error a layer is a number
      export const wrong: ConfigurationInput = { layer: 'first' };
      // @ts-expect-error there is no such option
      await loadModel('folder', { thread: 1 });
      // @ts-expect-error tokens are text
      export const number: number = token;
      `,
    );
    const strict = {
      strict: true,
      noUncheckedIndexedAccess: true,
      exactOptionalPropertyTypes: true,
      noEmit: true,
      skipLibCheck: false,
      target: 'es2022',
      types: [],
    };
    const node = { ...strict, lib: ['es2022'], module: 'nodenext', types: ['node'] };
    const browser = { ...strict, lib: ['es2022', 'dom'], module: 'esnext', moduleResolution: 'bundler' };
    for (const compilerOptions of [{ ...node, typeRoots: [join(root, 'node_modules/@types')] }, browser]) {
      writeFileSync(
        join(folder, 'types/tsconfig.json'),
        JSON.stringify({ compilerOptions, files: ['consumer.ts'] }),
      );
      expect(tool('typescript/bin/tsc', '-p', 'types')).toBe('');
    }
  });

  test('bundled by Vite it computes in a browser, from files of its own host', async () => {
    const program = plain(example("'/tiny-atlas/'", ", { backend: 'wasm' }"));
    writeFileSync(join(folder, 'page.js'), `${program}\ndocument.title = 'then' + token;`);
    writeFileSync(join(folder, 'index.html'), '<script type="module" src="./page.js"></script>');
    tool('vite/bin/vite.js', 'build', '--logLevel', 'error', '--target', 'es2022');
    cpSync(join(installed, 'dist/page/models/tiny-atlas'), join(folder, 'dist/tiny-atlas'), {
      recursive: true,
    });
    const executablePath = chromiumExecutable();
    if (executablePath === undefined)
      throw new Error('This test runs the bundle in Chromium; npm test installs one.');
    await using host = await serveFolder(join(folder, 'dist'), { isIsolated: true });
    const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
    try {
      const page = await browser.newPage();
      const asked: string[] = [];
      page.on('request', (request) => asked.push(request.url()));
      await page.goto(host.url);
      // It loads a model, on whatever machine this is.
      await page.waitForFunction(() => document.title.startsWith('then'), undefined, { timeout: 0 });
      expect(await page.title()).toBe('then Madrid');
      expect(asked.filter((url) => !url.startsWith(host.url) && !/^(blob|data):/.test(url))).toEqual([]);
    } finally {
      await browser.close();
    }
  });
});

describe('the command', () => {
  test('lists components, predicts and traces, from any folder', () => {
    expect(patchbay('components', 'tiny-atlas')).toContain('head_attention_value_output');
    expect(patchbay('predict', 'tiny-atlas', 'The Louvre Museum is in downtown', '--threads', '1')).toMatch(
      /^·Paris +99\./m,
    );
    const words = ['trace', 'tiny-atlas', 'The Louvre Museum is in downtown', '--subject', 'The Louvre'];
    patchbay(...words, '--samples', '1', '--backend', 'wasm', '--out', 'trace');
    expect(readdirSync(join(folder, 'trace')).sort()).toEqual(['cells.csv', 'figure.svg', 'result.json']);
  });

  test('its version is that of the package', () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    expect(patchbay('--version')).toBe(`${version}\n`);
  });

  test('without arguments it serves the page until it is told to stop, and writes nothing', async () => {
    const program = join(folder, 'node_modules/.bin/patchbay');
    const cwd = join(folder, 'empty');
    mkdirSync(cwd);
    const before = filesOf(installed).length;
    const served = spawn(program, ['--port', '0'], {
      cwd,
      env: homeless,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = new Promise((resolve) => served.on('exit', resolve));
    let printed = '';
    for await (const text of served.stdout.setEncoding('utf8')) {
      printed += text;
      if (printed.includes('\n')) break;
    }
    const [url = ''] = /http:\/\/localhost:\d+\//.exec(printed) ?? [];
    const page = await fetch(url);
    expect(page.status).toBe(200);
    expect(page.headers.get('cross-origin-opener-policy')).toBe('same-origin');
    expect(page.headers.get('cross-origin-embedder-policy')).toBe('require-corp');
    expect(page.headers.get('content-security-policy')).toContain("script-src 'self';");
    const [script = ''] = /assets\/[\w-]+\.js/.exec(await page.text()) ?? [];
    expect((await fetch(new URL(script, url))).headers.get('content-type')).toBe('text/javascript');
    const weights = await fetch(new URL('models/tiny-atlas/model.safetensors', url), {
      headers: { Range: 'bytes=0-7' },
    });
    expect([weights.status, (await weights.arrayBuffer()).byteLength]).toEqual([206, 8]);
    expect((await fetch(new URL('package.json', url))).status).toBe(404);
    served.kill('SIGTERM');
    expect(await ended).toBe(0);
    expect([filesOf(cwd).length, filesOf(installed).length]).toEqual([0, before]);
  });

  test('without onnxruntime-node it says what is missing, and the rest works', () => {
    const native = join(folder, 'node_modules/onnxruntime-node');
    expect(existsSync(native)).toBe(true);
    rmSync(native, { recursive: true });
    expect(patchbay('components', 'tiny-atlas')).toContain('block_output');
    expect(() => patchbay('predict', 'tiny-atlas', 'The')).toThrow(
      "The backend 'node' needs onnxruntime-node, and it is not installed. Install it (npm install onnxruntime-node), or choose the backend 'wasm'.",
    );
    expect(
      patchbay('predict', 'tiny-atlas', 'The Louvre Museum is in downtown', '--backend', 'wasm'),
    ).toContain('·Paris');
  });
});
