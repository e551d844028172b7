import { effect } from '@preact/signals';
import { onNews } from '../api-client/server-events.ts';
import { place } from '../shell/route.ts';
import { toast } from '../ui/feedback/toast.tsx';
import { voice } from '../words/i18n.ts';
import { camerasWords } from '../words/cameras.ts';
import { duration } from '../words/format.ts';
import { cameras } from './cameras.ts';
import { Returns } from './returns.ts';

/** Says when cameras are back, and when one has another address and is followed. Nobody reads it on a wall. */
export function tellReturns(): void {
  const returns = new Returns();
  effect(() => {
    const back = returns.note(cameras.value ?? []);
    const [first] = back;
    if (first) {
      say(back.map(({ name }) => name).map(titleOf), (titles) =>
        // Told one by one, only the last would be read.
        back.length > 1
          ? camerasWords.peek().areBack(titles)
          : camerasWords.peek().isBackAfter(titles, duration(first.awayMs, voice())),
      );
    }
  });
  onNews('camera', ({ state, path, to }) => {
    if (state === 'moved' && path !== undefined && to !== undefined) {
      say([titleOf(path)], (title) => camerasWords.peek().hasMoved(title, to));
    }
  });
}

const titleOf = (name: string): string | undefined => cameras.peek()?.find((one) => one.name === name)?.title;

function say(titles: readonly (string | undefined)[], words: (titles: string) => string): void {
  const known = titles.filter((title) => title !== undefined);
  if (known.length > 0 && place.peek().page !== 'wall') {
    toast(words(new Intl.ListFormat(voice().language).format(known)));
  }
}
