// A steering as programs for other tools: each writes the same texts greedily, running the whole sequence at each step, so
// that an edit is a function of the position there as here. What a tool cannot say is refused with the reason.

import type { Architecture } from '../../architectures/architecture.ts';
import type { Tokenizer } from '../../checkpoint/checkpoint.ts';
import { python } from '../../interventions/export/exported.ts';
import { valueAt } from '../../interventions/export/nnsight.ts';
import { pythonModel } from '../../interventions/export/pythonModel.ts';
import { support, untriedModel } from '../../interventions/export/supportedModels.ts';
import { hookOf, unopened } from '../../interventions/export/transformerLens.ts';
import { listed, quoted } from '../../messages/wording.ts';
import { actsAt } from '../../runtime/generation/editSpan.ts';
import { describeComponent } from '../../runtime/plan/sites.ts';
import { editName } from './experiment.ts';
import { type PlacedEdit, spanIn } from './placeEdits.ts';
import type { ResolvedSteer } from './resolve.ts';
import { siteTensor } from './tensorNames.ts';

export interface SteerProgram {
  readonly name: string;
  readonly language: string;
  /** Null where there can be none. */
  readonly text: string | null;
  readonly why: string | null;
}

/** The file that lies beside the programs: what each edit adds at each of its sites, strengths multiplied in. */
export const addedFile = 'added.safetensors';

interface ProgramRequest {
  readonly architecture: Architecture;
  readonly steer: ResolvedSteer;
  readonly placed: readonly PlacedEdit[];
}

/** Options that change which token follows, beside those of greedy decoding. */
const reweighting = ['repetitionPenalty', 'frequencyPenalty', 'presencePenalty', 'noRepeatNgramSize'];

/** What no program says, whatever the tool. */
function refusal({ architecture, steer, placed }: ProgramRequest): string | undefined {
  const { experiment, settings } = steer;
  if (steer.prompts.length === 0) return 'There is no prompt to go on from.';
  if (architecture.encoder)
    return `A ${architecture.modelType} model reads something beside what it writes, which the programs do not give it.`;
  if (placed.length === 0) return 'No edit is on.';
  const { temperature = 0, ...options } = settings.sampling;
  if (temperature > 0)
    return 'The texts are sampled, and the random numbers of other tools are others. Set the temperature to 0.';
  const penalties = Object.keys(options).filter((name) => reweighting.includes(name));
  if (penalties.length > 0)
    return `The sampling has ${listed(penalties, penalties.length)}, which the programs do not have.`;
  if (experiment.generation.stop.length > 0) return 'The programs know no stop strings.';
  for (const { edit, made } of placed) {
    const name = quoted(editName(edit));
    if (made.isMatrix) return `${name} is an activation addition, which would take a table there.`;
    if (edit.map.kind !== 'add' || edit.keepNorm || edit.whileBelow !== undefined)
      return `${name} does more than add a vector, and would have to be written by hand there.`;
  }
  return undefined;
}

const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i);

interface ProgramSite {
  readonly tensor: string;
  readonly component: string;
  readonly layer: number | null;
  readonly head: number | null;
  /** For each prompt its positions where the edit acts, but for the last. */
  readonly prompt: readonly (readonly number[])[];
  /** [from, count, every], count null for no end; null for none. */
  readonly steps: readonly [number, number | null, number] | null;
}

function sitesOf({ steer, placed }: ProgramRequest): readonly ProgramSite[] {
  const isSpecial: Tokenizer['isSpecial'] = (id) => steer.tokenizer?.isSpecial(id) ?? false;
  return placed.flatMap((own) =>
    own.sites.map(({ layer, head }): ProgramSite => {
      const spans = steer.prompts.map((run) => spanIn(own, run, isSpecial));
      const { prompt, steps = prompt === undefined ? 'all' : 'none' } = spans[0] ?? {};
      const range = typeof steps === 'object' ? steps : {};
      return {
        tensor: siteTensor(editName(own.edit), { layer, head }),
        component: own.made.vector.component,
        layer,
        head,
        prompt: steer.prompts.map(({ tokens }, at) => {
          const acts = actsAt({ prompt: spans[at]?.prompt ?? 'none', steps: 'none' }, tokens.length);
          return upTo(tokens.length).filter(acts);
        }),
        steps: steps === 'none' ? null : [range.from ?? 0, range.count ?? null, range.every ?? 1],
      };
    }),
  );
}

/** Prompts, edits and the function that says where they act. */
function opening({ steer }: ProgramRequest, sites: readonly ProgramSite[]): readonly string[] {
  const { experiment, settings, prompts } = steer;
  return [
    `new_tokens = ${experiment.generation.maxNewTokens}`,
    `ends = ${python(settings.eosIds)}`,
    'prompts = [',
    ...prompts.map(({ tokens }) => `    ${python(tokens)},`),
    ']',
    `added = load_file(${python(addedFile)})`,
    "# Where each tensor is added: positions of each prompt, and steps (first, how many, every); step 0 is the prompt's last position.",
    'edits = [',
    ...sites.map(
      ({ tensor, prompt, steps }) =>
        `    (${python(tensor)}, ${python(prompt)}, ${steps ? `(${steps.map((entry) => python(entry)).join(', ')})` : 'None'}),`,
    ),
    ']',
    '',
    '',
    'def positions(prompt, steps, number, length):',
    '    last = len(prompts[number]) - 1',
    '    first, count, every = steps or (0, 0, 1)',
    '    made = range(first, length - last, every) if count is None else range(first, min(first + count, length - last), every)',
    '    return sorted({*prompt[number], *(last + step for step in made)})',
    '',
    '',
  ];
}

/** @param run lines of a function that gives the logits of the last position of `ids` */
const generating = (run: readonly string[]): readonly string[] => [
  ...run,
  '',
  '',
  'tokenizer = AutoTokenizer.from_pretrained(SOURCE)',
  'for number, prompt in enumerate(prompts):',
  '    ids = list(prompt)',
  '    for _ in range(new_tokens):',
  '        ids.append(int(logits_after(number, ids).argmax()))',
  '        if ids[-1] in ends:',
  '            break',
  '    print(repr(tokenizer.decode(ids[len(prompt) :])), ids[len(prompt) :])',
];

type Maker = (request: ProgramRequest, sites: readonly ProgramSite[]) => readonly string[] | string;

/** The statement that adds at the chosen positions of what passes a site, [positions, (heads,) width]. */
const addition = ({ head, tensor }: ProgramSite, at: number): string =>
  `[at[${at}]${head === null ? '' : `, ${head}`}] += added[${python(tensor)}]`;

const where = '    at = [positions(prompt, steps, number, len(ids)) for _, prompt, steps in edits]';

const transformerLens: Maker = ({ architecture, steer }, sites) => {
  const { source } = pythonModel(steer.experiment.model);
  const why = untriedModel(support.transformerLens, architecture) ?? unopened(architecture, source);
  if (why !== undefined) return why;
  const missing = sites.find((site) => hookOf(site) === undefined);
  if (missing)
    return `TransformerLens has no hook that holds '${missing.component}' as the checkpoint computes it.`;
  return [
    'import torch',
    'from safetensors.torch import load_file',
    'from transformer_lens.model_bridge import TransformerBridge',
    'from transformers import AutoTokenizer',
    '',
    'NAME',
    'model = TransformerBridge.boot_transformers(SOURCE, device="cpu")',
    'torch.set_grad_enabled(False)',
    'OPENING',
    'def add(tensor, at, head):',
    '    def hook(value, hook):',
    '        part = value[0] if head is None else value[0, :, head]',
    '        part[at] += added[tensor]',
    '        return value',
    '',
    '    return hook',
    '',
    '',
    ...generating([
      'def logits_after(number, ids):',
      where,
      '    hooks = [',
      ...sites.map(
        (site, at) =>
          `        (${python(hookOf(site))}, add(${python(site.tensor)}, at[${at}], ${python(site.head)})),`,
      ),
      '    ]',
      '    return model.run_with_hooks(torch.tensor([ids]), fwd_hooks=hooks)[0, -1]',
    ]),
  ];
};

const nnsight: Maker = ({ architecture }, sites) => {
  const why = untriedModel(support.nnsight, architecture);
  if (why !== undefined) return why;
  const missing = sites.find((site) => valueAt(architecture, site) === undefined);
  if (missing) return `No module of this model returns or takes '${missing.component}' by itself.`;
  // Modules must be touched in the order in which they run.
  const order = architecture.components.map(({ name }) => name);
  const ranked = sites
    .map((site, at) => ({ site, at }))
    .sort(
      (a, b) =>
        (a.site.layer ?? -1) - (b.site.layer ?? -1) ||
        order.indexOf(a.site.component) - order.indexOf(b.site.component),
    );
  return [
    'import torch',
    'from nnsight import NNsight',
    'from safetensors.torch import load_file',
    'from transformers import AutoModelForCausalLM, AutoTokenizer',
    '',
    'NAME',
    'model = NNsight(AutoModelForCausalLM.from_pretrained(SOURCE).float().eval())',
    'OPENING',
    'def first(value):',
    '    return value[0] if isinstance(value, tuple) else value',
    '',
    '',
    ...generating([
      'def logits_after(number, ids):',
      where,
      '    with torch.no_grad(), model.trace(torch.tensor([ids])):',
      ...ranked.flatMap(({ site, at }) => [
        `        value = ${valueAt(architecture, site)}`,
        `        value[0]${addition(site, at)}`,
      ]),
      '        output = model.output.save()',
      '    return output.logits[0, -1]',
    ]),
  ];
};

const pyvene: Maker = ({ architecture }, sites) => {
  const why = untriedModel(support.steeringPyvene, architecture);
  if (why !== undefined) return why;
  const headed = sites.find(({ component }) => describeComponent(architecture, component).layout !== 'token');
  if (headed)
    return `A vector of one head at all positions of a list takes pyvene's unit 'h.pos' with a table of both. Use the biases at the output projection instead.`;
  const [{ prompt, steps } = { prompt: [], steps: null }] = sites;
  if (sites.some((site) => `${[site.prompt, site.steps]}` !== `${[prompt, steps]}`))
    return 'The edits act at different positions, and pyvene leaves no intervention out of a call.';
  const unknown = sites.find(
    ({ component }) => !['block_output', 'block_input', 'mlp_output', 'attention_output'].includes(component),
  );
  if (unknown) return `Programs for pyvene have not been tried with '${unknown.component}'.`;
  return [
    'import pyvene as pv',
    'import torch',
    'from safetensors.torch import load_file',
    'from transformers import AutoModelForCausalLM, AutoTokenizer',
    '',
    'NAME',
    'model = AutoModelForCausalLM.from_pretrained(SOURCE).float().eval()',
    'OPENING',
    ...generating([
      'config = pv.IntervenableConfig(',
      '    representations=[',
      ...sites.map(
        ({ layer, component, tensor }) =>
          `        pv.RepresentationConfig(layer=${python(layer)}, component=${python(component)}, source_representation=added[${python(tensor)}]),`,
      ),
      '    ],',
      '    intervention_types=[pv.AdditionIntervention] * len(edits),',
      ')',
      'intervenable = pv.IntervenableModel(config, model)',
      '',
      '',
      'def logits_after(number, ids):',
      where,
      '    with torch.no_grad():',
      '        if not at[0]:',
      '            return model(torch.tensor([ids])).logits[0, -1]',
      '        _, output = intervenable(',
      '            {"input_ids": torch.tensor([ids])},',
      '            unit_locations={"base": [[own] for own in at]},',
      '        )',
      '    return output.logits[0, -1]',
    ]),
  ];
};

const makers: Readonly<Record<string, Maker>> = {
  'steer_pyvene.py': pyvene,
  'steer_nnsight.py': nnsight,
  'steer_transformer_lens.py': transformerLens,
};

/** Programs that write the steered texts, or why there is none. */
export function steerPrograms(request: ProgramRequest): readonly SteerProgram[] {
  const why = refusal(request);
  const sites = why === undefined ? sitesOf(request) : [];
  const { lines, source } = pythonModel(request.steer.experiment.model);
  return Object.entries(makers).map(([name, make]): SteerProgram => {
    const made = why ?? make(request, sites);
    if (typeof made === 'string') return { name, language: 'python', text: null, why: made };
    const text = made
      .flatMap((line) => {
        if (line === 'NAME') return lines;
        return line === 'OPENING' ? opening(request, sites) : [line.replace('SOURCE', source)];
      })
      .join('\n');
    return { name, language: 'python', text: `${text}\n`, why: null };
  });
}
