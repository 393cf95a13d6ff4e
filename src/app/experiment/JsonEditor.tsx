// A part of the document as JSON in an editor, both ways: what stands in the document is written there, and what is typed
// changes it. A mistake is underlined with the library's sentence, and the document stays. Loaded when it is first opened.

import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import { json, jsonParseLinter } from '@codemirror/lang-json';
import { HighlightStyle, syntaxHighlighting, syntaxTree } from '@codemirror/language';
import { type Diagnostic, linter } from '@codemirror/lint';
import { EditorState } from '@codemirror/state';
import { EditorView, keymap, lineNumbers } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { useEffect, useRef } from 'react';

interface JsonEditorProps {
  /** What stands in the document. */
  readonly text: string;
  readonly label: string;
  /** @returns why the text cannot be, in a sentence; null when the document has followed it */
  readonly onText: (text: string) => string | null;
}

const colours = HighlightStyle.define([
  { tag: tags.propertyName, color: 'var(--second)' },
  { tag: tags.string, color: 'var(--ink)' },
  { tag: [tags.number, tags.bool, tags.null], color: 'var(--accent)' },
]);

const look = EditorView.theme({
  '&': {
    maxHeight: '420px',
    border: '1px solid var(--line)',
    borderRadius: 'var(--radius-small)',
    fontSize: '12.5px',
    backgroundColor: 'var(--well)',
    color: 'var(--ink)',
  },
  '&.cm-focused': { outline: '2px solid var(--accent)', outlineOffset: '1px' },
  '.cm-scroller': { overflow: 'auto' },
  '.cm-content': { fontFamily: 'var(--mono)', caretColor: 'var(--ink)' },
  '.cm-cursor': { borderLeftColor: 'var(--ink)' },
  '.cm-gutters': { backgroundColor: 'var(--well)', color: 'var(--mute)', border: 'none' },
  '&.cm-focused .cm-selectionBackground, .cm-selectionBackground': { backgroundColor: 'var(--second-wash)' },
  '.cm-tooltip': { backgroundColor: 'var(--panel)', color: 'var(--ink)', border: '1px solid var(--line)' },
});

/** `['representations', '0', 'layer']` of a sentence that begins with a place; empty where it names none. */
export function pathIn(message: string): readonly string[] {
  const found =
    /'?((?:configuration\.)?(?:representations|unit_locations|subspaces|pairs|sweeps|receivers|senders|ablation|components)[\w.]*)/.exec(
      message,
    )?.[1];
  return found ? found.replace(/^configuration\./, '').split('.') : [];
}

/** Where a path stands in the text: as far as it can be followed. */
function rangeOf(
  state: EditorState,
  path: readonly string[],
): { readonly from: number; readonly to: number } {
  const top = syntaxTree(state).topNode;
  let node = top.firstChild;
  let range = { from: 0, to: Math.min(state.doc.length, 1) };
  const valueAt = (name: string) => {
    let index = 0;
    for (let child = node?.firstChild ?? null; child; child = child.nextSibling) {
      if (node?.name === 'Array') {
        if (!/^[[\],]$/.test(child.name) && index++ === Number(name)) return { key: child, value: child };
      } else if (child.name === 'Property' && child.firstChild) {
        const key = state.sliceDoc(child.firstChild.from + 1, child.firstChild.to - 1);
        if (key === name) return { key: child.firstChild, value: child.lastChild ?? child };
      }
    }
    return undefined;
  };
  for (const name of path) {
    const found = valueAt(name) ?? undefined;
    const inner = found ? undefined : valueAt('configuration');
    if (!found && inner && range.from === 0) {
      node = inner.value;
      const again = valueAt(name);
      if (!again) break;
      range = { from: again.key.from, to: again.key.to };
      node = again.value;
      continue;
    }
    if (!found) break;
    range = { from: found.key.from, to: found.key.to };
    node = found.value;
  }
  return range;
}

export default function JsonEditor({ text, label, onText }: JsonEditorProps) {
  const frame = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const latest = useRef({ text, onText });
  latest.current = { text, onText };

  useEffect(() => {
    if (frame.current === null) return;
    const parse = jsonParseLinter();
    const check = linter(
      (editor): readonly Diagnostic[] => {
        const written = editor.state.doc.toString();
        if (written === latest.current.text) return [];
        const broken = parse(editor);
        if (broken.length > 0) return broken;
        const why = latest.current.onText(written);
        return why === null
          ? []
          : [{ ...rangeOf(editor.state, pathIn(why)), severity: 'error', message: why }];
      },
      { delay: 250 },
    );
    // In a root of its own its styles are adopted sheets; as elements in the page the page's policy would refuse them.
    const root = frame.current.shadowRoot ?? frame.current.attachShadow({ mode: 'open' });
    const editor = new EditorView({
      root,
      parent: root,
      state: EditorState.create({
        doc: latest.current.text,
        extensions: [
          lineNumbers(),
          history(),
          json(),
          syntaxHighlighting(colours),
          check,
          look,
          EditorView.lineWrapping,
          // It can be reached as it is; axe believes it of what says so.
          EditorView.contentAttributes.of({ 'aria-label': label, tabindex: '0' }),
          keymap.of([...defaultKeymap, ...historyKeymap, indentWithTab]),
        ],
      }),
    });
    view.current = editor;
    return () => {
      editor.destroy();
      view.current = null;
    };
  }, [label]);

  useEffect(() => {
    const editor = view.current;
    if (!editor || editor.state.doc.toString() === text) return;
    // While somebody types, what followed the text is not written over it in another layout.
    if (editor.hasFocus) return;
    editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: text } });
  }, [text]);

  return <div ref={frame} className="json-editor" />;
}
