// The Model page: a prompt, its next tokens, and every component of the model as a rack of sockets.

import { useMemo } from 'react';
import { FirstModel } from './model/FirstModel.tsx';
import { NextTokens } from './prompt/NextTokens.tsx';
import { PromptCard } from './prompt/PromptCard.tsx';
import { Inspector } from './rack/Inspector.tsx';
import { RackCard } from './rack/RackCard.tsx';
import { buildRack } from './rack/sites.ts';
import { useModel } from './workbenchContext.tsx';

export function ModelPage() {
  const info = useModel((state) => state.info);
  const rack = useMemo(() => (info === null ? null : buildRack(info)), [info]);
  return (
    <>
      {info === null && <FirstModel />}
      <div className="column">
        <PromptCard />
        {rack !== null && <RackCard rack={rack} />}
      </div>
      <div className="column">
        <NextTokens />
        {rack !== null && <Inspector rack={rack} />}
      </div>
    </>
  );
}
