// Numbers of the Tensors page that may be half typed.

import { useState } from 'react';
import { TextField } from '../experiment/TextField.tsx';

interface NumberFieldProps {
  readonly label: string;
  readonly value: number;
  readonly isValid: (value: number) => boolean;
  readonly hint: string;
  readonly onChange: (value: number) => void;
}

/** What is typed stands there as it is; the experiment has the last number that was valid. */
export function NumberField({ label, value, isValid, hint, onChange }: NumberFieldProps) {
  const [typed, setTyped] = useState<string | null>(null);
  const isWrong = typed !== null && (typed.trim() === '' || !isValid(Number(typed)));
  const isOwn = typed !== null && (isWrong || Number(typed) === value);
  return (
    <TextField
      isText
      label={label}
      value={isOwn ? typed : String(value)}
      hint={hint}
      problem={isWrong ? `${typed.trim() === '' ? 'Nothing' : `'${typed}'`} is none: ${hint}` : undefined}
      onChange={(text) => {
        setTyped(text);
        if (text.trim() !== '' && isValid(Number(text))) onChange(Number(text));
      }}
    />
  );
}
