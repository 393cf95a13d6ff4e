// The pages that share a tab of the header, one beside the other.

import { usePage, useWorkbench } from '../workbenchContext.tsx';
import { useAnyPage } from './pageContext.tsx';

export function PageTabs() {
  const { pages } = useWorkbench();
  const { name, face } = useAnyPage();
  const go = usePage((state) => state.go);
  const tab = face.tab ?? face.title;
  const own = pages.filter((each) => (each.face.tab ?? each.face.title) === tab);
  if (own.length < 2) return null;
  return (
    <nav className="wide page-tabs" aria-label={`Within ${tab}`}>
      {own.map((each) => (
        <button
          key={each.name}
          type="button"
          aria-current={each.name === name ? 'page' : undefined}
          onClick={() => go(each.name)}
        >
          {each.face.tabTitle ?? each.face.title}
        </button>
      ))}
    </nav>
  );
}
