import { effect, type ReadonlySignal } from '@preact/signals';
import type { PlayerView } from './player.ts';

interface Chance {
  /** The camera has a picture. */
  readonly isOn: boolean;
  /** Undefined: its place is so new that the browser has not told yet. */
  readonly isSeen: boolean | undefined;
  /** The page is. */
  readonly isShown: boolean;
  readonly isGranted: boolean;
}

/** @returns undefined while it is not known */
export function mayPlay({ isOn, isSeen, isShown, isGranted }: Chance): boolean | undefined {
  return isOn && isShown && isGranted ? isSeen : false;
}

interface Watched {
  readonly view: ReadonlySignal<PlayerView>;
}

interface Steered {
  start(): void;
  stop(): void;
}

/** What was taken over from another page plays on until it is known whether it may: to stop it meanwhile would make it black. */
export function steer(player: Steered, may: boolean | undefined): void {
  if (may) {
    player.start();
  } else if (may === false) {
    player.stop();
  }
}

/** What comes is not waited for longer with a stream that is not meant for this place, often the large one. */
export const BRIDGE_LIMIT_MS = 10_000;

/** Calls `onOver` when nothing is won by the bridge any more. @returns what ends the watching */
export function watchBridge(bridge: Watched, own: Watched, onOver: () => void): () => void {
  const timer = setTimeout(onOver, BRIDGE_LIMIT_MS);
  const stop = effect(() => {
    const [over, come] = [bridge.view.value.phase, own.view.value.phase];
    if (come === 'playing' || come === 'unplayable' || over === 'stopped' || over === 'unplayable') {
      onOver();
    }
  });
  return () => {
    clearTimeout(timer);
    stop();
  };
}
