import { stepOf } from '../ui/browser/keys.ts';
import { dayStart, nextDay } from '../words/format.ts';
import { atMs, isPlaying, pause, play, seek, speed, step, zoom } from './view.ts';

const STEP_MS = 5_000;
const LONG_STEP_MS = 60_000;
const ZOOM_FACTOR = 1.5;
export const SPEEDS = [0.25, 0.5, 1, 2, 4, 8, 16, 60, 240, 1440];

/** Elements with keys of their own. */
const OWN_KEYS = 'input, select, textarea, [contenteditable], dialog, [role=menu]';

/** @param actions by `KeyboardEvent.key`; one that returns false leaves the key to the browser @returns removes the listener */
export function onShortcuts(actions: Readonly<Record<string, (event: KeyboardEvent) => unknown>>): () => void {
  const listener = (event: KeyboardEvent) => {
    const target = event.target as Element;
    const isPress = (event.key === ' ' || event.key === 'Enter') && target.closest('button, a');
    const action = stepOf(event, actions);
    if (action && !isPress && !target.closest(OWN_KEYS) && !document.querySelector('dialog[open]')) {
      if (action(event) !== false) {
        event.preventDefault();
      }
    }
  };
  window.addEventListener('keydown', listener);
  return () => window.removeEventListener('keydown', listener);
}

/** Shortcuts of the timeline, anywhere on its page. @param goToEvent next or previous */
export function onTimelineShortcuts(goToEvent: (by: -1 | 1) => void): () => void {
  const move = (byMs: number) => withMoment((at) => seek(at + byMs));
  const length = (event: KeyboardEvent) => (event.shiftKey ? LONG_STEP_MS : STEP_MS);
  return onShortcuts({
    ' ': () => (isPlaying.peek() ? pause() : play()),
    ArrowLeft: (event) => move(-length(event)),
    ArrowRight: (event) => move(length(event)),
    ArrowDown: (event) => move(-length(event)),
    ArrowUp: (event) => move(length(event)),
    ',': () => step(-1),
    '.': () => step(1),
    '[': () => goToEvent(-1),
    ']': () => goToEvent(1),
    '<': () => changeSpeed(-1),
    '>': () => changeSpeed(1),
    '-': () => zoom(1 / ZOOM_FACTOR),
    '+': () => zoom(ZOOM_FACTOR),
    '=': () => zoom(ZOOM_FACTOR),
    Home: () => withMoment((at) => seek(dayStart(at))),
    End: () => withMoment((at) => seek(nextDay(at) - 1000)),
  });
}

const withMoment = (act: (at: number) => void): void => {
  const at = atMs.peek();
  if (at !== undefined) {
    act(at);
  }
};

function changeSpeed(by: -1 | 1): void {
  const next = SPEEDS[SPEEDS.indexOf(speed.peek()) + by];
  speed.value = next ?? speed.peek();
}
