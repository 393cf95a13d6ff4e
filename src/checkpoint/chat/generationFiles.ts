// What a model's files say of generating text: how to sample, where to end, and how a chat is written down.

import * as v from 'valibot';
import { quoted } from '../../messages/wording.ts';
import { CheckpointError, type GenerationFiles } from '../checkpoint.ts';
import { type FileFolder, readJson, readText } from '../sources/byteSource.ts';

const objectSchema = v.record(v.string(), v.unknown());
const templatesSchema = v.union([
  v.string(),
  v.array(v.looseObject({ name: v.string(), template: v.string() })),
]);

/** Longer than any template that is in use. */
const longestTemplate = 1 << 20;

/** @throws CheckpointError for a template that is longer than any in use */
export function checkedTemplate(template: string, label: string): string {
  if (template.length > longestTemplate)
    throw new CheckpointError(
      `The chat template of ${label} has ${template.length} characters, and is not read.`,
    );
  return template;
}

function asObject(value: unknown, name: string, label: string): Readonly<Record<string, unknown>> {
  const parsed = v.safeParse(objectSchema, value ?? {});
  if (!parsed.success || Array.isArray(value))
    throw new CheckpointError(`${quoted(name)} in ${label} is not a JSON object. Fetch the file again.`);
  return parsed.output;
}

/** A special token stands in the file as text, or as an object with its content. */
function specialTokens(config: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  const contentSchema = v.union([v.string(), v.looseObject({ content: v.string() })]);
  return Object.fromEntries(
    Object.entries(config).flatMap(([name, value]) => {
      const parsed = v.safeParse(contentSchema, value);
      if (!name.endsWith('_token') || !parsed.success) return [];
      return [[name, typeof parsed.output === 'string' ? parsed.output : parsed.output.content]];
    }),
  );
}

function templatesOf(written: unknown, label: string): readonly (readonly [string, string])[] {
  if (written === undefined || written === null) return [];
  const parsed = v.safeParse(templatesSchema, written);
  if (!parsed.success)
    throw new CheckpointError(
      `The chat_template of ${label} is neither a text nor a list of named ones. Fetch tokenizer_config.json again.`,
    );
  if (typeof parsed.output === 'string') return [['default', checkedTemplate(parsed.output, label)]];
  return parsed.output.map(({ name, template }) => [name, checkedTemplate(template, label)]);
}

/**
 * generation_config.json, chat_template.jinja and tokenizer_config.json of a folder, as far as they are there.
 * @throws CheckpointError when one of them is damaged
 */
export async function folderGenerationFiles(
  folder: FileFolder,
  signal?: AbortSignal,
): Promise<GenerationFiles> {
  const { label } = folder;
  const generation = await readJson(folder, 'generation_config.json', signal);
  const tokenizer = asObject(
    await readJson(folder, 'tokenizer_config.json', signal),
    'tokenizer_config.json',
    label,
  );
  const own = await readText(folder, 'chat_template.jinja', signal);
  return {
    generationConfig: asObject(generation, 'generation_config.json', label),
    // The file of its own is the newer place, and wins.
    chatTemplates: new Map([
      ...templatesOf(tokenizer.chat_template, label),
      ...(own === undefined ? [] : [['default', checkedTemplate(own, label)] as const]),
    ]),
    specialTokens: specialTokens(tokenizer),
  };
}

/** preprocessor_config.json of a folder. @throws CheckpointError when it is damaged */
export async function folderPreprocessor(
  folder: FileFolder,
  signal?: AbortSignal,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const name = 'preprocessor_config.json';
  const value = await readJson(folder, name, signal);
  return value === undefined ? undefined : asObject(value, name, folder.label);
}
