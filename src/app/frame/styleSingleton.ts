// In place of the package react-style-singleton, by which the library of the dialogs keeps the page from scrolling behind
// them: that writes <style> elements, which the page's policy forbids as it forbids inline scripts. A sheet that is made by
// script is allowed and does the same. (vite.config.ts puts this module where the package would be.)

import { useEffect } from 'react';

interface SheetProps {
  readonly styles: string;
  /** Whether another text takes the place of the first. */
  readonly dynamic?: boolean;
}

/** @returns a component that applies its styles once, however often it is on the page */
export function styleSingleton(): (props: SheetProps) => null {
  let users = 0;
  let sheet: CSSStyleSheet | undefined;
  const add = (styles: string): void => {
    users += 1;
    if (sheet) return;
    sheet = new CSSStyleSheet();
    sheet.replaceSync(styles);
    document.adoptedStyleSheets.push(sheet);
  };
  const remove = (): void => {
    users -= 1;
    if (users > 0) return;
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((each) => each !== sheet);
    sheet = undefined;
  };
  // biome-ignore lint/correctness/noComponentHookFactories: called once, when the modules of the dialogs are read
  return function Sheet({ styles, dynamic = false }) {
    const followed = dynamic ? styles : '';
    // biome-ignore lint/correctness/useExhaustiveDependencies: a text that is not dynamic stays as it came first
    useEffect(() => {
      add(styles);
      return remove;
    }, [followed]);
    return null;
  };
}
