// Which run is edited, with what the other has there.

import type { Direction } from '../../experiments/direction.ts';
import { Choice } from '../experiment/Choice.tsx';

interface DirectionFieldProps {
  readonly value: Direction;
  /** What stands there unless somebody says otherwise. */
  readonly usual: Direction;
  readonly onChange: (direction: Direction) => void;
}

const hints: Readonly<Record<Direction, string>> = {
  restore: 'Denoising: what is enough for the answer',
  corrupt: 'Noising: what the answer needs',
};

export function DirectionField({ value, usual, onChange }: DirectionFieldProps) {
  return (
    <Choice
      label="Direction"
      value={value}
      choices={[
        ['restore', 'Clean into corrupted'],
        ['corrupt', 'Corrupted into clean'],
      ]}
      hint={`${value === usual ? 'Default. ' : ''}${hints[value]}`}
      onChange={onChange}
    />
  );
}
