// Damaged copies of an ONNX file, thousands of them: each opens or is refused with a sentence, and nothing is left behind.
//
//     npx tsx scripts/fuzzOnnx.ts [COUNT] [FILE.onnx]

import { readFileSync } from 'node:fs';
import { memorySource } from '../src/checkpoint/sources/byteSource.ts';
import { damagedFiles } from '../src/imported/fixtures/damagedFiles.ts';
import { smallTokenBytes } from '../src/imported/fixtures/smallTokenOnnx.ts';
import { ImportedModel } from '../src/imported/importedModel.ts';
import { createNodeRuntime } from '../src/imported/nodeRuntime.ts';

const [count = '10000', path] = process.argv.slice(2);
const file = path === undefined ? smallTokenBytes() : Uint8Array.from(readFileSync(path));
const runtime = await createNodeRuntime(1);
const sentences = new Map<string, number>();
const faults: string[] = [];
let opened = 0;
let round = 0;
for (const bytes of damagedFiles(file, Number(count), 1)) {
  round += 1;
  try {
    const model = await ImportedModel.open(memorySource('damaged.onnx', bytes), runtime);
    await model.dispose();
    opened += 1;
  } catch (error) {
    const isSentence = error instanceof Error && ['CheckpointError', 'BackendError'].includes(error.name);
    const message = error instanceof Error ? error.message : String(error);
    if (!isSentence || message.length > 1500)
      faults.push(`round ${round}: ${error instanceof Error ? error.stack : error}`);
    const kind = message
      .replace(/'[^']*'/g, "'…'")
      .replace(/\d+/g, '#')
      .slice(0, 70);
    sentences.set(kind, (sentences.get(kind) ?? 0) + 1);
  }
}
for (const [kind, times] of [...sentences].sort((a, b) => b[1] - a[1]).slice(0, 25)) console.log(times, kind);
console.log(
  `${count} files: ${opened} opened, ${Number(count) - opened} refused, ${faults.length} faults; ${runtime.liveSessions} sessions left`,
);
for (const fault of faults.slice(0, 10)) console.log(fault);
await runtime.close();
process.exitCode = faults.length > 0 || runtime.liveSessions > 0 ? 1 : 0;
