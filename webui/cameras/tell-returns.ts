import { effect } from '@preact/signals';
import { onNews } from '../box/news.ts';
import { toast } from '../parts/toast.tsx';
import { voice } from '../parts/voice.ts';
import { place } from '../route.ts';
import { camerasWords } from '../words/cameras.ts';
import { duration } from '../words/format.ts';
import { cameras } from './cameras.ts';
import { Returns } from './returns.ts';

/** Says when a camera is back, and when one has another address and is followed. Nobody reads it on a wall. */
export function tellReturns(): void {
  const returns = new Returns();
  effect(() => {
    const all = cameras.value ?? [];
    for (const { name, awayMs } of returns.note(all, Date.now())) {
      say(name, (title) => camerasWords.peek().isBackAfter(title, duration(awayMs, voice())));
    }
  });
  onNews('camera', ({ state, path, to }) => {
    if (state === 'moved' && path !== undefined && to !== undefined) {
      say(path, (title) => camerasWords.peek().hasMoved(title, to));
    }
  });
}

function say(name: string, words: (title: string) => string): void {
  const title = cameras.peek()?.find((one) => one.name === name)?.title;
  if (title !== undefined && place.peek().page !== 'wall') {
    toast(words(title));
  }
}
