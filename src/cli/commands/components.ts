// `patchbay components MODEL`: what can be read and overridden, with its shape and what it feeds.

import type { Architecture, ComponentDescription } from '../../architectures/architecture.ts';
import { architectureOf } from '../../architectures/registry.ts';
import { openModel } from '../../checkpoint/openNode.ts';
import { formatTable } from '../../figures/textTable.ts';
import { componentRows, describedStacks, stageRows, tensorRows } from '../../imported/describe.ts';
import type { ImportedModel } from '../../imported/importedModel.ts';
import type { Backend, BackendKind } from '../../runtime/backends/backend.ts';
import { UsageError } from '../arguments.ts';
import { deviceOption, hostBackendOption, hostBackends, readBackend, readDevice } from '../backendOptions.ts';
import { type Arguments, type Command, modelNote, usageOf } from '../command.ts';
import { createHostBackend, modelPath } from '../hostModel.ts';
import { fixOption, inputOption, isOnnxFile, readFixed, readInputs, withOnnx } from '../onnxModel.ts';

function shapeOf({ layout, width, heads = 1, isCross }: ComponentDescription): string {
  if (layout === 'pair') return `[${heads} heads, position, ${isCross ? 'encoder’s position' : 'position'}]`;
  return layout === 'head' ? `[position, ${heads} heads, ${width}]` : `[position, ${width}]`;
}

function layersOf(architecture: Architecture, { scope, layers, place }: ComponentDescription): string {
  if (scope === 'model') return 'once';
  const count = place?.count ?? architecture.layerCount;
  return place && layers ? layers.join(', ') : `0-${count - 1}`;
}

async function runOnnx(path: string, args: Arguments): Promise<number> {
  const kind = readBackend(args, hostBackends);
  const backend =
    kind === 'webgpu' ? await createHostBackend(kind, { device: readDevice(args, kind) }) : undefined;
  try {
    return await describeOnnx(path, args, kind, backend);
  } finally {
    await backend?.close();
  }
}

async function describeOnnx(
  path: string,
  args: Arguments,
  kind: BackendKind,
  backend: Backend | undefined,
): Promise<number> {
  return withOnnx(
    path,
    kind,
    { fixed: readFixed(args), example: await readInputs(args), backend },
    async (model) => {
      const { graph, probe } = model;
      const stacks = describedStacks(model);
      const layers = stacks.map(({ stack }) => stack.count).join(' + ') || 'no repeated';
      console.log(
        `${model.label}: ONNX by ${model.producer || 'an unknown writer'}, ${graph.nodes.length} nodes, ${layers} layers, ${probe.dependent.size} tensors that can be read`,
      );
      for (const { name, dtype, shape } of graph.inputs) {
        const sizes = (shape ?? []).map(
          (size, axis) => roleOfInput(model, name, axis) ?? String(size ?? '?'),
        );
        console.log(`input ${name}: ${dtype} [${sizes.join(', ')}]`);
      }
      for (const [name, value] of Object.entries(graph.fixed))
        console.log(`input ${name}: fixed to ${value} (--fix ${name}=VALUE chooses another)`);
      if (probe.reason !== undefined) console.log(`Note: ${probe.reason}`);
      const stages = stageRows(model);
      if (stages) {
        const rows = stages.map(({ from, to, nodes, runsOn }) => [from, to, String(nodes), runsOn]);
        console.log(`\n${formatTable([['stage from', 'to', 'nodes', 'runs on'], ...rows])}`);
      }
      const find = args.text('find');
      for (const { chain, stack } of stacks) {
        console.log(`\n${chain}`);
        const rows = componentRows(model, stack, !args.has('all'));
        console.log(formatTable([['component', 'layers', 'dtype', 'shape', 'tensor of layer 0'], ...rows]));
      }
      const text = find ?? (stacks.length === 0 || args.has('all') ? '' : undefined);
      if (text !== undefined) {
        console.log(`\n${formatTable([['tensor', 'dtype', 'shape'], ...tensorRows(model, text)])}`);
      }
      return 0;
    },
  );
}

function roleOfInput({ probe }: ImportedModel, input: string, axis: number): string | undefined {
  return probe.groups.find(({ axes }) => axes.some((at) => at.input === input && at.axis === axis))?.name;
}

/** Of several stacks the layers of each. */
function layersText({ layerCount, components }: Architecture): string {
  const stacks = new Map(components.flatMap(({ place }) => (place ? [[place.stack, place.count]] : [])));
  return `${stacks.size > 1 ? [...stacks.values()].join(' + ') : layerCount} layers`;
}

/** A recurrence has none. */
const headsText = ({ headCount, components }: Architecture): string =>
  components.some(({ layout }) => layout === 'head' || layout === 'pair') ? `${headCount} heads, ` : '';

async function run(args: Arguments): Promise<number> {
  const [spec, ...rest] = args.positionals;
  if (!spec || rest.length > 0) throw new UsageError(usageOf(command));
  if (isOnnxFile(spec)) return runOnnx(spec, args);
  const given = ['find', 'all', 'fix', 'input', 'backend', 'device'].find(
    (name) => args.has(name) || args.text(name) !== undefined || args.texts(name).length > 0,
  );
  if (given !== undefined) throw new UsageError(`--${given} is for a FILE.onnx; '${spec}' is none.`);
  const checkpoint = await openModel(modelPath(spec));
  try {
    const architecture = architectureOf(checkpoint);
    const { modelType, width, vocabularySize, maxPositions, labels } = architecture;
    console.log(
      `${checkpoint.label}: ${modelType}, ${layersText(architecture)}, ${width} wide, ${headsText(architecture)}${vocabularySize} ${labels ? 'classes' : 'tokens'}, ${maxPositions} positions\n`,
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
  options: {
    find: { value: 'TEXT', about: 'tensors of an ONNX file whose names contain a text' },
    all: { about: 'every tensor of an ONNX file, layer by layer and by its name' },
    fix: fixOption,
    input: inputOption,
    backend: { ...hostBackendOption, about: 'of an ONNX file; on webgpu it is listed where each stage runs' },
    device: deviceOption,
  },
  notes: [modelNote],
  run,
};
