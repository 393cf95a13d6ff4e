// A page begun anew for the model in use, where the texts that stand on it are an example's and the model reads more than a text.

import { useModel } from '../workbenchContext.tsx';

interface BeginEmptyProps {
  /** Whether what stands on the page is an example, which is of texts. */
  readonly isExample: boolean;
  readonly onBegin: () => void;
}

export function BeginEmpty({ isExample, onBegin }: BeginEmptyProps) {
  const model = useModel((state) => state.info);
  if (!model?.reads || !isExample) return null;
  return (
    <p className="note" role="status">
      {model.label} reads more than a text.{' '}
      <button type="button" className="button-plain" onClick={onBegin}>
        Begin on an empty page for it
      </button>
    </p>
  );
}
