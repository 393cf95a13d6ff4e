// The chooser as a part of the page, while there is no model.

import { useLayoutEffect, useRef } from 'react';
import { promptFieldId } from '../frame/useShortcuts.ts';
import { ModelChooser } from './ModelChooser.tsx';

export function FirstModel() {
  const section = useRef<HTMLElement>(null);
  useLayoutEffect(() => {
    const element = section.current;
    return () => {
      // The control that was used goes away with this card; the prompt is what comes next.
      if (element?.contains(document.activeElement)) document.getElementById(promptFieldId)?.focus();
    };
  }, []);
  return (
    <section ref={section} className="card wide" aria-labelledby="chooser-title">
      <div className="card-head">
        <h2 id="chooser-title">Choose a model</h2>
        <span className="mute">It runs in this tab, on this machine.</span>
      </div>
      <ModelChooser />
    </section>
  );
}
