// `patchbay components MODEL`: what can be read and overridden, with its shape and what it feeds.

import type { Architecture, ComponentDescription } from '../../architectures/architecture.ts';
import { architectureOf } from '../../architectures/registry.ts';
import { openModel } from '../../checkpoint/openNode.ts';
import { formatTable } from '../../figures/textTable.ts';
import { UsageError } from '../arguments.ts';
import { type Arguments, type Command, modelNote, usageOf } from '../command.ts';
import { modelPath } from '../hostModel.ts';

function shapeOf({ layout, width, heads = 1 }: ComponentDescription): string {
  if (layout === 'pair') return `[${heads} heads, position, position]`;
  return layout === 'head' ? `[position, ${heads} heads, ${width}]` : `[position, ${width}]`;
}

function layersOf(architecture: Architecture, { scope }: ComponentDescription): string {
  return scope === 'model' ? 'once' : `0-${architecture.layerCount - 1}`;
}

async function run({ positionals }: Arguments): Promise<number> {
  const [spec, ...rest] = positionals;
  if (!spec || rest.length > 0) throw new UsageError(usageOf(command));
  const checkpoint = await openModel(modelPath(spec));
  try {
    const architecture = architectureOf(checkpoint);
    const { modelType, layerCount, width, headCount, vocabularySize, maxPositions } = architecture;
    console.log(
      `${checkpoint.label}: ${modelType}, ${layerCount} layers, ${width} wide, ${headCount} heads, ${vocabularySize} tokens, ${maxPositions} positions\n`,
    );
    const rows = architecture.components.map((component) => [
      component.name,
      layersOf(architecture, component),
      shapeOf(component),
      component.feeds.join(', ') || '(the prediction)',
    ]);
    console.log(formatTable([['component', 'layers', 'shape', 'feeds'], ...rows]));
    return 0;
  } finally {
    await checkpoint.close();
  }
}

export const command: Command = {
  name: 'components',
  about: 'layers, components, shapes, and what each feeds',
  positionals: 'MODEL',
  options: {},
  notes: [modelNote],
  run,
};
