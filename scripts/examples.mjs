// Computes the stored results of all examples again, on Node: `node scripts/examples.mjs`. Run it when the embedded model,
// an example or the arithmetic changes; the page draws these results before its own engine is ready.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { register } from 'tsx/esm/api';

register();
const { readTraceExperiment } = await import('../src/experiments/trace/experiment.ts');
const { resolveTrace } = await import('../src/experiments/trace/resolve.ts');
const { completeTrace } = await import('../src/experiments/trace/result.ts');
const { withModel } = await import('../src/cli/hostModel.ts');

const root = fileURLToPath(new URL('..', import.meta.url));
mkdirSync(`${root}examples/results`, { recursive: true });

/** The page shows three digits and compares six; more only make the page heavier. */
const brief = (_, value) => (typeof value === 'number' ? Number(value.toPrecision(7)) : value);

for (const name of readdirSync(`${root}examples`).filter((file) => file.endsWith('.json'))) {
  const experiment = readTraceExperiment(JSON.parse(readFileSync(`${root}examples/${name}`, 'utf8')));
  await withModel(`${root}models/${experiment.model}`, 'node', async (model, checkpoint) => {
    const tokenizer = await checkpoint.tokenizer();
    const trace = resolveTrace(model.architecture, tokenizer, experiment);
    const result = await completeTrace(model, trace, { textOf: (id) => tokenizer.tokenText(id) });
    // The model's name, not where it lay when this ran.
    const stored = { ...result, model: { ...result.model, label: experiment.model } };
    writeFileSync(`${root}examples/results/${name}`, `${JSON.stringify(stored, brief)}\n`);
    console.log(
      `${name}: “${result.answer.text}”, ${result.notices.map(({ text }) => text).join(' ') || 'no notices'}`,
    );
  });
}
