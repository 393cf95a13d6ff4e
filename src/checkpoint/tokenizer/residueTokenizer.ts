// The tokenizer of ESM, whose folders bring a list of tokens and nothing else: amino acids are tokens, white space is nothing,
// and every sequence stands between `<cls>` and `<eos>` (Transformers' EsmTokenizer). What is no token is refused where
// Transformers would put `<unk>` in its place.

const special = (token: string): boolean => /^<.+>$/.test(token);

const escaped = (token: string): string => token.replace(/[.*+?^${}()|[\]\\-]/g, '\\$&');

/**
 * @param list the contents of vocab.txt: a token a line
 * @returns the same as a tokenizer.json
 */
export function residueTokenizer(list: string): unknown {
  const tokens = list.split(/\r?\n/).map((line) => line.trim());
  while (tokens.at(-1) === '') tokens.pop();
  const vocab: Record<string, number> = Object.create(null);
  for (const [id, token] of tokens.entries()) vocab[token] = id;
  const around = ['<cls>', '<eos>'].filter((token) => token in vocab);
  const residues = tokens.filter((token) => token !== '' && !special(token));
  return {
    version: '1.0',
    added_tokens: tokens.flatMap((content, id) =>
      special(content)
        ? [
            {
              id,
              content,
              special: true,
              single_word: false,
              lstrip: false,
              rstrip: false,
              normalized: false,
            },
          ]
        : [],
    ),
    normalizer: null,
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'WhitespaceSplit' },
        {
          type: 'Split',
          // Longer tokens first: an expression takes the first of its choices that fits.
          pattern: {
            Regex: [...residues]
              .sort((a, b) => b.length - a.length)
              .map(escaped)
              .join('|'),
          },
          behavior: 'Isolated',
          invert: false,
        },
      ],
    },
    post_processor: {
      type: 'TemplateProcessing',
      single: [
        ...(around.includes('<cls>') ? [{ SpecialToken: { id: '<cls>', type_id: 0 } }] : []),
        { Sequence: { id: 'A', type_id: 0 } },
        ...(around.includes('<eos>') ? [{ SpecialToken: { id: '<eos>', type_id: 0 } }] : []),
      ],
      pair: [],
      special_tokens: Object.fromEntries(
        around.map((token) => [token, { id: token, ids: [vocab[token]], tokens: [token] }]),
      ),
    },
    decoder: null,
    model: { type: 'WordLevel', vocab },
  };
}
