import { effect, type ReadonlySignal } from '@preact/signals';
import type { PlayerView } from './player.ts';

interface Watched {
  readonly view: ReadonlySignal<PlayerView>;
}

interface Steered {
  start(): void;
  stop(): void;
}

/**
 * What was taken over from another page plays on until it is known whether it is seen: to stop it meanwhile would make it black.
 * @param isSeen undefined: its place is so new that the browser has not told yet
 */
export function steer(player: Steered, isWanted: boolean, isSeen: boolean | undefined): void {
  if (!isWanted || isSeen === false) {
    player.stop();
  } else if (isSeen) {
    player.start();
  }
}

/** What comes is not waited for longer with a stream that is not meant for this place, often the large one. */
export const BRIDGE_LIMIT_MS = 10_000;

/** Calls `onOver` when nothing is won by the bridge any more. @returns what ends the watching */
export function watchBridge(bridge: Watched, own: Watched, onOver: () => void): () => void {
  const timer = setTimeout(onOver, BRIDGE_LIMIT_MS);
  const stop = effect(() => {
    const phases = `${bridge.view.value.phase} ${own.view.value.phase}`;
    if (/unplayable|^stopped|playing$/.test(phases)) {
      onOver();
    }
  });
  return () => {
    clearTimeout(timer);
    stop();
  };
}
