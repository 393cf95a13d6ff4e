import { expect, test } from 'vitest';
import type { GenerationFiles } from '../checkpoint.ts';
import { byteLevelTokenizer, jsonBytes } from '../expected/smallFiles.ts';
import { type FileFolder, memorySource } from '../sources/byteSource.ts';
import { buildTokenizer } from '../tokenizer/tokenizer.ts';
import { type ChatRequest, ChatTemplateError } from './chatTemplate.ts';
import { folderGenerationFiles } from './generationFiles.ts';
import { renderChatOnNode } from './renderOnNode.ts';

const chatMl =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}" +
  "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

const filesWith = (template?: string): GenerationFiles => ({
  generationConfig: {},
  chatTemplates: new Map(template === undefined ? [] : [['default', template]]),
  specialTokens: { bos_token: '<|end|>' },
});
const turns: ChatRequest['turns'] = [
  { role: 'system', content: 'Be brief.' },
  { role: 'user', content: 'Hello' },
];
const render = (template: string | undefined, request: Partial<ChatRequest> = {}) =>
  renderChatOnNode(filesWith(template), { turns, ...request });

test('turns are written as the template says, and the reply is opened', () => {
  const written = '<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHello<|im_end|>\n';
  expect(render(chatMl)).toBe(`${written}<|im_start|>assistant\n`);
  expect(render(chatMl, { addGenerationPrompt: false })).toBe(written);
});

test('the special tokens that a template writes are not added a second time', async () => {
  const tokenizer = await buildTokenizer(byteLevelTokenizer(), {}, 'tiny');
  const text = render("{{ bos_token }}{{ messages[1]['content'] }}");
  expect(text).toBe('<|end|>Hello');
  const ids = tokenizer.encode(text, { addSpecialTokens: false });
  expect(ids.filter((id) => id === 259)).toHaveLength(1);
  expect(tokenizer.encode(text).filter((id) => id === 259)).toHaveLength(2);
});

test('the date of a template is fixed unless it is given', () => {
  const template = "{{ strftime_now('%d %b %Y, %A %H:%M') }}";
  expect(render(template)).toBe('02 Jan 2025, Thursday 00:00');
  expect(render(template, { date: new Date(Date.UTC(2031, 11, 24, 8, 5)) })).toBe(
    '24 Dec 2031, Wednesday 08:05',
  );
});

test.each([
  ['that raises', "{{ raise_exception('System role not supported') }}", 'System role not supported'],
  ['that is damaged', '{% for message in messages %}', 'The chat template refuses these turns'],
  ['that is missing', undefined, 'This model has no chat template'],
  [
    'that does not end',
    '{% for a in range(100000) %}{% for b in range(100000) %}{{ a }}{% endfor %}{% endfor %}',
    'did not come to an end within 2 seconds',
  ],
])('a template %s is reported in a sentence', (_, template, message) => {
  expect(() => render(template)).toThrow(ChatTemplateError);
  expect(() => render(template)).toThrow(message);
});

test('a chat without turns, and a template that is not there, are refused', () => {
  expect(() => render(chatMl, { turns: [] })).toThrow('The chat has no turns.');
  expect(() => render(chatMl, { template: 'tool_use' })).toThrow('It has: default.');
});

const folderOf = (files: Readonly<Record<string, Uint8Array>>): FileFolder => ({
  label: 'tiny',
  list: async () => Object.keys(files),
  open: async (name) => {
    const bytes = files[name];
    return bytes && memorySource(name, bytes);
  },
});

test("a folder's files say how to sample, where to end and how a chat is written", async () => {
  const found = await folderGenerationFiles(
    folderOf({
      'generation_config.json': jsonBytes({ eos_token_id: [2, 7], do_sample: true }),
      'tokenizer_config.json': jsonBytes({
        bos_token: { content: '<s>', special: true },
        eos_token: '</s>',
        add_bos_token: true,
        chat_template: [
          { name: 'default', template: 'old' },
          { name: 'tool_use', template: 'tools' },
        ],
      }),
      'chat_template.jinja': new TextEncoder().encode('new'),
    }),
  );
  expect(found.generationConfig).toEqual({ eos_token_id: [2, 7], do_sample: true });
  expect([...found.chatTemplates]).toEqual([
    ['default', 'new'],
    ['tool_use', 'tools'],
  ]);
  expect(found.specialTokens).toEqual({ bos_token: '<s>', eos_token: '</s>' });
  expect(await folderGenerationFiles(folderOf({}))).toEqual({
    generationConfig: {},
    chatTemplates: new Map(),
    specialTokens: {},
  });
  await expect(folderGenerationFiles(folderOf({ 'generation_config.json': jsonBytes([]) }))).rejects.toThrow(
    "'generation_config.json' in tiny is not a JSON object.",
  );
});
