import { useEffect, useRef } from 'preact/hooks';
import { Chips } from '../../ui/controls/chips.tsx';
import { clipWords } from '../../words/clips.ts';
import { labelGroups } from './event-labels.ts';
import { chosenTypes } from './event-search.ts';

/** Filters by kind. */
export function EventKinds({ types }: { readonly types: readonly string[] }) {
  const words = clipWords.value;
  const kinds = labelGroups([...types, ...chosenTypes.value]);
  if (kinds.length < 2 && chosenTypes.value.length === 0) {
    return null;
  }
  const isChosen = (type: string) => chosenTypes.value.includes(type);
  return (
    <Chips
      label={words.seenKinds}
      options={kinds.map(({ word }) => ({ value: word, text: word }))}
      chosen={kinds.filter((kind) => kind.types.some(isChosen)).map(({ word }) => word)}
      onTap={(word) => {
        const of = kinds.find((kind) => kind.word === word)?.types ?? [];
        const others = chosenTypes.value.filter((type) => !of.includes(type));
        chosenTypes.value = of.some(isChosen) ? others : [...others, ...of];
      }}
    />
  );
}

/** Loads older events when it becomes visible. */
export function Earlier({ onWanted }: { readonly onWanted: () => void }) {
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    const { current } = button;
    const observer = new IntersectionObserver(([entry]) => entry?.isIntersecting && onWanted(), { rootMargin: '50%' });
    if (current) {
      observer.observe(current);
    }
    return () => observer.disconnect();
  }, [onWanted]);
  return (
    <button class="earlier" type="button" ref={button} onClick={onWanted}>
      {clipWords.value.seenEarlier}
    </button>
  );
}
