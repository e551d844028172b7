import { useEffect, useRef } from 'preact/hooks';
import { eventIcon } from '../../cameras/event-kinds.ts';
import { Chips } from '../../ui/controls/chips.tsx';
import { Select } from '../../ui/controls/choice.tsx';
import { clipWords } from '../../words/clips.ts';
import { labelGroups, zoneLabel } from './event-labels.ts';

interface EventKindsProps {
  /** Types on offer. */
  readonly types: readonly string[];
  readonly chosen: readonly string[];
  readonly onChange: (types: readonly string[]) => void;
}

/** Filters by kind. */
export function EventKinds({ types, chosen, onChange }: EventKindsProps) {
  const words = clipWords.value;
  const kinds = labelGroups([...types, ...chosen]);
  if (kinds.length < 2 && chosen.length === 0) {
    return null;
  }
  const isChosen = (type: string) => chosen.includes(type);
  return (
    <Chips
      label={words.seenKinds}
      options={kinds.map(({ word, types: of }) => ({ value: word, text: word, icon: eventIcon(of[0] ?? '') }))}
      chosen={kinds.filter((kind) => kind.types.some(isChosen)).map(({ word }) => word)}
      onTap={(word) => {
        const of = kinds.find((kind) => kind.word === word)?.types ?? [];
        const others = chosen.filter((type) => !of.includes(type));
        onChange(of.some(isChosen) ? others : [...others, ...of]);
      }}
    />
  );
}

interface EventZonesProps {
  /** Zones on offer. */
  readonly zones: readonly string[];
  readonly chosen: string | undefined;
  readonly onChange: (zone: string | undefined) => void;
}

/** Filter by a zone of the pictures. */
export function EventZones({ zones, chosen, onChange }: EventZonesProps) {
  const t = clipWords.value;
  const all = [...new Set([...zones, ...(chosen === undefined ? [] : [chosen])])];
  return all.length === 0 ? null : (
    <Select
      class="chip"
      label={t.seenZone}
      value={chosen ?? ''}
      options={[{ value: '', text: t.seenAnywhere }, ...all.map((zone) => ({ value: zone, text: zoneLabel(zone) }))]}
      onChange={(zone) => onChange(zone || undefined)}
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
