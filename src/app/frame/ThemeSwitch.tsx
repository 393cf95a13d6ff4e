// Three themes as three small buttons, of which one is on.

import { ToggleGroup } from 'radix-ui';
import type { ReactNode } from 'react';
import { useTheme } from '../workbenchContext.tsx';
import { LineIcon } from './LineIcon.tsx';
import { type ThemeChoice, themeChoices } from './themeStore.ts';

const names: Readonly<Record<ThemeChoice, string>> = {
  system: 'Theme of the system',
  light: 'Light theme',
  dark: 'Dark theme',
};

const drawings: Readonly<Record<ThemeChoice, ReactNode>> = {
  system: (
    <>
      <rect x="2" y="3" width="12" height="8" rx="1.5" />
      <path d="M6 13.5h4M8 11v2.5" />
    </>
  ),
  light: (
    <>
      <circle cx="8" cy="8" r="2.75" />
      <path d="M8 1.5v1.75M8 12.75v1.75M1.5 8h1.75M12.75 8h1.75M3.4 3.4l1.25 1.25M11.35 11.35l1.25 1.25M12.6 3.4l-1.25 1.25M4.65 11.35L3.4 12.6" />
    </>
  ),
  dark: <path d="M13.5 9.6A5.75 5.75 0 0 1 6.4 2.5a5.75 5.75 0 1 0 7.1 7.1Z" />,
};

export function ThemeSwitch() {
  const choice = useTheme((state) => state.choice);
  const choose = useTheme((state) => state.choose);
  return (
    <ToggleGroup.Root
      type="single"
      className="theme"
      aria-label="Theme"
      value={choice}
      onValueChange={(value) => {
        const chosen = themeChoices.find((one) => one === value);
        if (chosen !== undefined) choose(chosen);
      }}
    >
      {themeChoices.map((one) => (
        <ToggleGroup.Item key={one} value={one} aria-label={names[one]} title={names[one]}>
          <LineIcon>{drawings[one]}</LineIcon>
        </ToggleGroup.Item>
      ))}
    </ToggleGroup.Root>
  );
}
