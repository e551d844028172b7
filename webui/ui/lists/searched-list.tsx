import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { cameraViewWords } from '../../words/camera-view.ts';
import { Icon } from '../icons/icon.tsx';
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

interface SearchedCardProps<T> extends Omit<SearchedListProps<T>, 'children'> {
  /** Its element has a key. */
  readonly children: (item: T) => ComponentChildren;
}

/** A card with a row for each item. */
export const SearchedCard = <T,>({ children, ...list }: SearchedCardProps<T>) => (
  <SearchedList {...list}>{(found) => <div class="card">{found.map(children)}</div>}</SearchedList>
);

export interface SearchedOptionsProps<T extends string> {
  readonly value?: T | undefined;
  readonly options: readonly { readonly value: T; readonly text: string }[];
  readonly onChoose: (value: T) => void;
}

/** Rows of which one is chosen. */
export const SearchedOptions = <T extends string>({ value, options, onChoose }: SearchedOptionsProps<T>) => (
  <SearchedList items={options} textOf={({ text }) => text}>
    {(found) =>
      found.map((option) => (
        <button
          class="row"
          type="button"
          key={option.value}
          aria-current={option.value === value ? 'true' : undefined}
          onClick={() => onChoose(option.value)}
        >
          <span class="grow">
            <bdi>{option.text}</bdi>
          </span>
          {option.value === value && <Icon name="ok" />}
        </button>
      ))
    }
  </SearchedList>
);
