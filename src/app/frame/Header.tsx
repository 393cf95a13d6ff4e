// The top of every page: brand, the pages there are, the model and the device in use, theme and help.

import { ModelChip } from '../model/ModelChip.tsx';
import { usePage } from '../workbenchContext.tsx';
import { Brand } from './Brand.tsx';
import { DeviceBadge } from './DeviceBadge.tsx';
import { ThemeSwitch } from './ThemeSwitch.tsx';

const pages: readonly { readonly title: string; readonly href: string }[] = [
  { title: 'Model', href: '#model' },
];

export function Header() {
  const open = usePage((state) => state.open);
  return (
    <header className="header">
      <Brand />
      <nav className="nav" aria-label="Pages">
        {pages.map(({ title, href }) => (
          <a key={href} href={href} aria-current="page">
            {title}
          </a>
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
