// What a model of two stacks has written so far, in a field of its own beside the source or the question.

import { TextField, type TextFieldProps } from '../experiment/TextField.tsx';

type TargetFieldProps = Pick<TextFieldProps, 'value' | 'onChange' | 'placeholder' | 'problem'> & {
  /** Default `Target`. */
  readonly label?: string;
  readonly hint?: string;
};

export function TargetField({
  label = 'Target',
  hint = 'What the model has written so far; it may be empty',
  ...rest
}: TargetFieldProps) {
  return <TextField {...rest} label={label} hint={hint} isText />;
}
