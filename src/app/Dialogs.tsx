// What opens over the page. It comes when something is first opened, so that the first visit stays light.

import { HelpDialog } from './frame/HelpDialog.tsx';
import { ModelDialog } from './model/ModelDialog.tsx';

export default function Dialogs() {
  return (
    <>
      <ModelDialog />
      <HelpDialog />
    </>
  );
}
