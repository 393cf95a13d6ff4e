// Computes the stored results of all examples again, on Node: `node scripts/examples.mjs`. Run it when the embedded model,
// an example or the arithmetic changes; the page draws these results before its own engine is ready.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { register } from 'tsx/esm/api';

register();
const { withModel } = await import('../src/cli/hostModel.ts');
const { kindOf, readExperiment } = await import('../src/experiments/registry.ts');
const { completeExperiment } = await import('../src/experiments/runExperiment.ts');

const root = fileURLToPath(new URL('..', import.meta.url));

/** The page shows three digits and compares six; more only make the page heavier. */
const brief = (_, value) => (typeof value === 'number' ? Number(value.toPrecision(7)) : value);

for (const folder of ['examples', 'examples/patch', 'examples/attribute', 'examples/steer']) {
  mkdirSync(`${root}${folder}/results`, { recursive: true });
  for (const name of readdirSync(`${root}${folder}`).filter((file) => file.endsWith('.json'))) {
    const experiment = await readExperiment(JSON.parse(readFileSync(`${root}${folder}/${name}`, 'utf8')));
    await withModel(`${root}models/${experiment.model}`, 'node', {}, async (model, checkpoint) => {
      // The page shows a stored result before it has the tokenizer.
      const tokenizer = await checkpoint.tokenizer();
      const kind = await kindOf(experiment.kind);
      const computed = await completeExperiment(model, checkpoint, experiment);
      const result = kind.withTexts(computed, (id) => tokenizer.tokenText(id));
      // The model's name, not where it lay when this ran.
      const stored = { ...result, model: { ...result.model, label: experiment.model } };
      writeFileSync(`${root}${folder}/results/${name}`, `${JSON.stringify(stored, brief)}\n`);
      console.log(`${folder}/${name}: ${result.notices.map(({ text }) => text).join(' ') || 'no notices'}`);
    });
  }
}
