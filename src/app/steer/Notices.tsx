// What a person should know of a steering: before it is run beside the button that runs it, and of a result that stands there what
// is not said there already.

import { useOwn } from './hooks.ts';

interface NoticesProps {
  readonly notices: readonly { readonly text: string }[];
}

function Sentences({ notices }: NoticesProps) {
  return notices.map(({ text }) => (
    <p key={text} className="small steer-notice">
      {text}
    </p>
  ));
}

/** Of what stands in the controls, as far as the engine knows it. */
const useNoticesBefore = (): NoticesProps['notices'] | null =>
  useOwn(({ estimate, key }) =>
    estimate.status === 'known' && estimate.key === key ? estimate.value.notices : null,
  );

export function NoticesBefore() {
  return <Sentences notices={useNoticesBefore() ?? []} />;
}

export function NoticesOfResult({ notices }: NoticesProps) {
  const before = useNoticesBefore() ?? [];
  return <Sentences notices={notices.filter(({ text }) => !before.some((own) => own.text === text))} />;
}
