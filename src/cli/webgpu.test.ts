// WebGPU without a browser: the program itself on Dawn, in processes of their own, since what is loaded there stays loaded.
// Where Dawn or a driver is missing, the tests say so and are skipped; Chromium's software is driver enough.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { dawnModule } from '../../scripts/dawn.mjs';
import { residualBytes } from '../imported/fixtures/smallOnnx.ts';
import { committedRoot } from './conformance/expectedFolders.ts';

const program = join(import.meta.dirname, '../../bin/patchbay.mjs');
const dawn = dawnModule();

interface Said {
  readonly status: number | null;
  readonly printed: string;
  readonly complained: string;
}

function patchbay(words: readonly string[], environment: Readonly<Record<string, string>> = {}): Said {
  const env = { ...process.env, ...(dawn ? { PATCHBAY_DAWN: dawn } : {}), ...environment };
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...words], {
    env,
    encoding: 'utf8',
  });
  return { status, printed: stdout, complained: stderr };
}

/** The number of the adapter that the tests compute on, or why there is none. */
function adapter(): { readonly number?: string; readonly reason: string } {
  if (!dawn) return { reason: 'the npm package webgpu is not installed (scripts/dawn.mjs)' };
  const { printed, complained } = patchbay(['devices']);
  const [, number] = /^ *(\d+) .*software/m.exec(printed) ?? /^ *(\d+) /m.exec(printed) ?? [];
  return number === undefined ? { reason: complained.trim() || printed.trim() } : { number, reason: '' };
}

const { number = '', reason } = adapter();
if (reason !== '') console.log(`WebGPU on Node is not tested here: ${reason}`);

/** Few: software compiles each shader for seconds. `npm run conform -- --backend webgpu --device N` runs all. */
const folders = [
  ['interventions-llama', 'all'],
  ['gpt2-inner', 'smallest'],
  ['mamba2-limits', 'all'],
];

test.skipIf(number === '').each(folders)(
  '%s gives the numbers of PyTorch on Dawn, of an adapter’s limits with %s',
  (folder, limits) => {
    const where = ['--fixtures', join(committedRoot, folder), '--backend', 'webgpu', '--device', number];
    const { status, printed, complained } = patchbay(['conformance', ...where, '--limits', limits]);
    expect(complained).toBe('');
    expect(printed.trim().split('\n').at(-1)).toMatch(/^[1-9]\d* passed, 0 failed, 0 skipped$/);
    expect(status).toBe(0);
  },
);

test.skipIf(number === '')('an ONNX file’s stages run on Dawn, and it is listed that they do', () => {
  const folder = mkdtempSync(join(tmpdir(), 'patchbay-onnx-'));
  try {
    const file = join(folder, 'residual.onnx');
    writeFileSync(file, residualBytes());
    const { status, printed, complained } = patchbay([
      ...['components', file, '--backend', 'webgpu', '--device', number],
    ]);
    expect(complained).toBe('');
    const rows = printed
      .split('\n')
      .flatMap((line) => /(?:\(inputs\)|Add_output_0) .* (\d+) +(\S.*)$/.exec(line)?.[2] ?? []);
    expect(rows).toEqual(['GPU', 'GPU', 'GPU']);
    expect(status).toBe(0);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

const onnxReferences = join(import.meta.dirname, '../../../shared/reference/onnx');

test.skipIf(number === '' || !existsSync(onnxReferences))(
  'an ONNX file gives the numbers of its references on Dawn',
  () => {
    const where = ['--fixtures', join(onnxReferences, 'mlp'), '--backend', 'webgpu', '--device', number];
    const { status, printed } = patchbay(['conformance', ...where, '--kind', 'tensors']);
    expect(printed.trim().split('\n').at(-1)).toMatch(/^[1-9]\d* passed, 0 failed, 0 skipped$/);
    expect(printed).toMatch(/\(stages .*: GPU\)$/m);
    expect(printed).not.toContain('WASM');
    expect(status).toBe(0);
  },
);

test.skipIf(number === '')('an adapter that is not there is refused with those that are', () => {
  const { status, complained } = patchbay([
    'predict',
    'tiny-atlas',
    'The',
    '--backend',
    'webgpu',
    '--device',
    '99',
  ]);
  expect(complained).toMatch(/^There is no graphics adapter 99\. Those here: 1 \(.+\)\.$/m);
  expect(status).toBe(1);
});

test.skipIf(number === '' || process.platform !== 'linux')(
  'a machine without a driver gets the remedy, from `devices` as from a run',
  () => {
    for (const words of [['devices'], ['predict', 'tiny-atlas', 'The', '--backend', 'webgpu']]) {
      const { status, complained } = patchbay(words, { VK_DRIVER_FILES: '/nowhere/driver.json' });
      // Behind what the driver's loader says.
      expect(complained).toMatch(
        /^WebGPU found no graphics adapter on this machine\. Install the GPU's driver/m,
      );
      expect(status).toBe(1);
    }
  },
);

test.skipIf(number === '')(
  'float16 is refused by an adapter without shader-f16, by its name; one that has it says how far the numbers are from float32',
  () => {
    const words = [
      'predict',
      'tiny-atlas',
      'The capital of France is',
      '--backend',
      'webgpu',
      '--device',
      number,
    ];
    const { status, printed, complained } = patchbay([...words, '--precision', 'f16']);
    if (status === 0) {
      const [, found] =
        /over all tokens at most \S+ from float32 in probability, (\S+) in logits\.$/m.exec(printed) ?? [];
      expect(Number(found)).toBeGreaterThan(0);
      expect(Number(found)).toBeLessThan(0.5);
      return;
    }
    expect(complained).toMatch(
      /^The graphics adapter '.+' does not compute in float16: WebGPU gives it no 'shader-f16'\. Choose float32 \(f32\), or another adapter\.$/m,
    );
    expect(status).toBe(1);
  },
);

/** Fifty of those that are counted; fewer of those that take a host long. */
const repeated = [
  { times: 50, works: ['predict', 'trace', 'patch', 'attribute', 'align'] },
  { times: 11, works: ['path', 'finetune', 'steer', 'intervene'] },
];

test.skipIf(!dawn || /cannot be loaded/.test(reason)).each(repeated)(
  '$times runs of each of $works ask the same of a GPU each time, and leave no buffer behind',
  ({ times, works }) => {
    // Dawn's null backend counts without computing, and needs no driver.
    const bench = ['--import', 'tsx', join(import.meta.dirname, '../../bench/gpu/run.ts')];
    const { status, stdout } = spawnSync(
      process.execPath,
      [
        ...[...bench, '--device', 'null', '--layers', '2', '--unrehearsed'],
        ...['--turns', String(times + 1), '--only', works.join(',')],
      ],
      { env: { ...process.env, ...(dawn ? { PATCHBAY_DAWN: dawn } : {}) }, encoding: 'utf8' },
    );
    expect(stdout.split('\n').filter((line) => /NOT THE SAME|LEFT BEHIND/.test(line))).toEqual([]);
    for (const work of works) expect(stdout.split(`| ${work}, warm |`).length - 1).toBe(times);
    expect(stdout).toMatch(/^0 tensors and 0 programs left\.$/m);
    expect(status).toBe(0);
  },
);

test.skipIf(!dawn || /cannot be loaded/.test(reason))(
  'a first prediction, trace and sweep find every pipeline made while the weights arrived',
  () => {
    const bench = ['--import', 'tsx', join(import.meta.dirname, '../../bench/gpu/run.ts')];
    const works = ['predict', 'trace', 'patch'];
    const pipelines = (...words: readonly string[]) => {
      const { stdout } = spawnSync(
        process.execPath,
        [...bench, '--device', 'null', '--turns', '1', '--only', works.join(','), ...words],
        { env: { ...process.env, ...(dawn ? { PATCHBAY_DAWN: dawn } : {}) }, encoding: 'utf8' },
      );
      return [...stdout.matchAll(/^\| (\w+), \w+ \|(?: \d+ \|){3} (\d+) \|/gm)].map(
        ([, work, made]) => [work, Number(made)] as const,
      );
    };
    const [load, ...rest] = pipelines();
    expect(rest).toEqual(works.map((work) => [work, 0]));
    const [none, ...made] = pipelines('--unrehearsed');
    expect(none).toEqual(['load', 0]);
    // As many, or more by what a small trace alone needs.
    const all = made.reduce((sum, [, count]) => sum + count, 0);
    expect(all).toBeGreaterThan(20);
    expect(load?.[1]).toBeGreaterThanOrEqual(all);
  },
);

test('without the package the remedy is its installation', () => {
  const { status, complained } = patchbay(['devices'], { PATCHBAY_DAWN: '/nowhere/index.js' });
  expect(complained).toBe(
    "The backend 'webgpu' needs the npm package webgpu, and it is not installed. Install it (npm install webgpu), or choose the backend 'node' or 'wasm'.\n",
  );
  expect(status).toBe(1);
});
