import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { cameraViewWords } from '../../words/camera-view.ts';
import { hasText, ListSearch, SEARCHED_FROM } from './list-search.tsx';

interface SearchedListProps<T> {
  readonly items: readonly T[];
  /** What is searched. */
  readonly textOf: (item: T) => string;
  readonly children: (found: readonly T[]) => ComponentChildren;
}

/** A list with a search field above it once it is long. */
export function SearchedList<T>({ items, textOf, children }: SearchedListProps<T>) {
  const t = cameraViewWords.value;
  const [typed, setTyped] = useState('');
  if (items.length < SEARCHED_FROM) {
    return <>{children(items)}</>;
  }
  const found = items.filter((item) => hasText(textOf(item), typed));
  return (
    <>
      <ListSearch label={t.search} text={typed} onInput={setTyped} />
      <p class="dim small" role="status" hidden={found.length > 0}>
        {found.length === 0 && t.nothingFound}
      </p>
      {found.length > 0 && children(found)}
    </>
  );
}
