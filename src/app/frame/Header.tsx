// The top of every page: brand, the pages there are, the model and the device in use, theme and help.

import { ModelChip } from '../model/ModelChip.tsx';
import { usePage, useWorkbench } from '../workbenchContext.tsx';
import { Brand } from './Brand.tsx';
import { DeviceBadge } from './DeviceBadge.tsx';
import { modelPlace, type Place } from './pageStore.ts';
import { ThemeSwitch } from './ThemeSwitch.tsx';

export function Header() {
  const open = usePage((state) => state.open);
  const place = usePage((state) => state.place);
  const go = usePage((state) => state.go);
  const { pages: all } = useWorkbench();
  const inView = all.find(({ name }) => name === place)?.face;
  const pages: readonly { readonly title: string; readonly place: Place }[] = [
    ...all
      .filter(({ face }) => face.tab === undefined)
      .map(({ name, face }) => ({ title: face.title, place: name })),
    { title: 'Model', place: modelPlace },
  ];
  const isInView = (page: (typeof pages)[number]) =>
    page.place === place || (inView?.tab !== undefined && inView.tab === page.title);
  return (
    <header className="header">
      <Brand />
      <nav className="nav" aria-label="Pages">
        {pages.map((page) => (
          <button
            key={page.place}
            type="button"
            aria-current={isInView(page) ? 'page' : undefined}
            onClick={() => go(page.place)}
          >
            {page.title}
          </button>
        ))}
      </nav>
      <div className="header-end header-badges">
        <ModelChip />
        <DeviceBadge />
      </div>
      <div className="header-end header-tools">
        <ThemeSwitch />
        <button
          type="button"
          className="button button-icon"
          aria-label="Words and shortcuts"
          title="Words and shortcuts"
          onClick={() => open('help')}
        >
          ?
        </button>
      </div>
    </header>
  );
}
