import { useComputed } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { SeenEvent } from '../api-client/event-list.ts';
import { mayPlayBack } from '../api-client/recordings.ts';
import { cameras } from '../cameras/cameras.ts';
import { readableName } from '../cameras/camera.ts';
import { atMs, LEAD_MS, spans } from '../timeline/view.ts';
import { Chips } from '../ui/controls/chips.tsx';
import { voice } from '../words/i18n.ts';
import { clipWords } from '../words/clips.ts';
import { dayStart, nextDay } from '../words/format.ts';
import { Away, Facts } from './event-caption.tsx';
import { chosenTypes, listed } from './event-search.ts';
import { isOfBox, kindsOf, seenAt } from './event-labels.ts';
import { RecordedThumb } from './thumbnail.tsx';
import { useDayEvents } from './use-day-events.ts';

interface DayListProps {
  /** The chosen camera. */
  readonly name: string;
  /** What all cameras have seen, and whose it is. */
  readonly isOfAll: boolean;
  /** Shows what led to it. */
  readonly onGo: (path: string, ms: number) => void;
}

/** What was seen on the day of the picture, newest first; a tap shows what led to it. */
export function DayList({ name, isOfAll, onGo }: DayListProps) {
  // Who goes to what was seen right after midnight still looks at its day.
  const day = useComputed(() => dayStart((atMs.value ?? spans.value.at(-1)?.endMs ?? Date.now()) + LEAD_MS)).value;
  const path = isOfAll ? undefined : name;
  const { page, more } = useDayEvents({ fromMs: day, toMs: nextDay(day), path, types: chosenTypes.value });
  const types = useRef<readonly string[]>([]);
  // While another kind is asked for there are the same to choose from.
  types.current = page?.types ?? types.current;
  if (!isOfAll && !mayPlayBack(name)) {
    return null;
  }
  const words = clipWords.value;
  const items = listed(page?.items ?? []);
  return (
    <section class="day-list" aria-label={words.seen}>
      <Kinds types={types.current} />
      {page && items.length === 0 && (
        <p class="small dim">{chosenTypes.value.length > 0 ? words.seenNoneOfKind : words.seenNothing}</p>
      )}
      <Entries {...{ name, items, isOfAll, onGo }} />
      {page?.next != null && <Earlier key={page.next} onWanted={more} />}
    </section>
  );
}

function Kinds({ types }: { readonly types: readonly string[] }) {
  const words = clipWords.value;
  const kinds = kindsOf([...types, ...chosenTypes.value], words);
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

type EntriesProps = DayListProps & { readonly items: readonly SeenEvent[] };

function Entries({ name, items, isOfAll, onGo }: EntriesProps) {
  const { language } = voice();
  const own = items.filter((event) => event.path === name && !isOfBox(event)).reverse();
  // To the second: the list is not built anew with each picture.
  const second = useComputed(() => Math.ceil((atMs.value ?? 0) / 1000)).value;
  const shown = seenAt(own, second * 1000, LEAD_MS);
  const list = useRef<HTMLUListElement>(null);
  const isThere = items.length > 0;
  useEffect(() => showCurrent(list.current), [isThere]);
  return (
    <ul ref={list}>
      {items.map((event) => {
        const title = isOfAll ? titleOf(event.path) : undefined;
        return (
          <li key={`${event.path} ${event.id}`} class={isOfBox(event) ? 'of-box' : ''}>
            <button
              type="button"
              aria-current={event === shown ? 'true' : undefined}
              onClick={() => onGo(event.path, event.startMs - LEAD_MS)}
            >
              {isOfBox(event) ? (
                <Away event={event} title={title} />
              ) : (
                <>
                  <RecordedThumb name={event.path} ms={event.pictureMs} />
                  <Facts event={event} title={title} language={language} />
                </>
              )}
            </button>
          </li>
        );
      })}
    </ul>
  );
}

/** A link leads to it; later the list stays where it was left. */
function showCurrent(list: HTMLElement | null): void {
  const current = list?.querySelector('[aria-current]')?.closest('li');
  const view = list?.parentElement;
  if (current && view && current.offsetTop + current.offsetHeight > view.clientHeight) {
    view.scrollTop = current.offsetTop - view.clientHeight / 2;
  }
}

const titleOf = (path: string): string =>
  cameras.value?.find(({ name, sub }) => name === path || sub?.name === path)?.title ?? readableName(path);

/** Asks for what is older when it comes into sight. */
function Earlier({ onWanted }: { readonly onWanted: () => void }) {
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
