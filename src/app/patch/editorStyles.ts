// The editor's library writes its styles into a <style> element, which the page's policy forbids. Given a root without a head
// it makes a sheet by script instead, as it does in the shadow of an element; that is allowed and looks the same.

import { StyleModule } from 'style-mod';

const sheetsOfPage = {
  ownerDocument: document,
  get adoptedStyleSheets() {
    return document.adoptedStyleSheets;
  },
  set adoptedStyleSheets(sheets) {
    document.adoptedStyleSheets = sheets;
  },
};

let isSet = false;

/** To be called before the first editor is made. */
export function keepToPolicy(): void {
  if (isSet) return;
  isSet = true;
  const mount = StyleModule.mount.bind(StyleModule);
  StyleModule.mount = (root, modules, options) =>
    // Of a shadow root the library uses what stands in this object, and no more.
    mount(root === document ? (sheetsOfPage as unknown as ShadowRoot) : root, modules, options);
}
