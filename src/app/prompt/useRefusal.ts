// Why what was chosen or dropped for a part of the document was not taken: said until that part becomes another, by whatever way.

import { useState } from 'react';

export function useRefusal(
  of: object | null,
): readonly [refused: string | null, setRefused: (sentence: string | null) => void] {
  const [refused, setRefused] = useState<string | null>(null);
  const [seen, setSeen] = useState(of);
  if (seen !== of) {
    setSeen(of);
    setRefused(null);
  }
  return [refused, setRefused];
}
