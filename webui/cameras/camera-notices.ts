import { effect } from '@preact/signals';
import type { PathItem } from '../api-client/paths.ts';
import { onServerEvent } from '../api-client/server-events.ts';
import { route } from '../shell/route.ts';
import { toast } from '../ui/feedback/toast.tsx';
import { duration } from '../words/format.ts';
import { i18n } from '../words/i18n.ts';
import { camerasWords } from '../words/settings/cameras.ts';
import { cameras } from './cameras.ts';

/** Toasts for cameras that are back, or have a new address. Not on the wall display. */
export function announceReturns(): void {
  const returns = new ReturnTracker();
  effect(() => {
    const back = returns.note(cameras.value ?? []);
    const [first] = back;
    if (first) {
      announce(back.map(({ name }) => name).map(titleOf), (titles) =>
        // As one toast, because a toast replaces the one before.
        back.length > 1
          ? camerasWords.peek().areBack(titles)
          : camerasWords.peek().isBackAfter(titles, duration(first.awayMs, i18n())),
      );
    }
  });
  onServerEvent('camera', ({ state, path, to }) => {
    if (state === 'moved' && path !== undefined && to !== undefined) {
      announce([titleOf(path)], (title) => camerasWords.peek().hasMoved(title, to));
    }
  });
}

const titleOf = (name: string): string | undefined => cameras.peek()?.find((one) => one.name === name)?.title;

function announce(titles: readonly (string | undefined)[], words: (titles: string) => string): void {
  const known = titles.filter((title) => title !== undefined);
  if (known.length > 0 && route.peek().page !== 'wall') {
    toast(words(new Intl.ListFormat(i18n().language).format(known)));
  }
}

/** Shorter outages are not reported. */
const WORTH_MS = 60_000;

type Watched = Pick<PathItem, 'ready' | 'readyTime' | 'paused' | 'sourceOnDemand' | 'offlineSince' | 'lastError'>;

/** Remembers offline cameras and reports when they are back. */
export class ReturnTracker {
  #away = new Map<string, number>();

  /** @returns cameras that are back, with the duration by the box's clock: the page may have been hidden */
  note(
    all: readonly { readonly name: string; readonly main: Watched }[],
  ): readonly { readonly name: string; readonly awayMs: number }[] {
    const before = this.#away;
    this.#away = new Map(
      all.filter(({ main }) => isAway(main)).map(({ name, main }) => [name, Date.parse(main.offlineSince ?? '')]),
    );
    return all
      .filter(({ main }) => main.ready)
      .map(({ name, main }) => ({ name, awayMs: Date.parse(main.readyTime ?? '') - (before.get(name) ?? Number.NaN) }))
      .filter(({ awayMs }) => awayMs >= WORTH_MS);
  }
}

/** Neither paused nor on demand. */
const isAway = ({ ready, paused, sourceOnDemand, offlineSince, lastError }: Watched): boolean =>
  !ready && !paused && !sourceOnDemand && offlineSince !== null && lastError !== null;
