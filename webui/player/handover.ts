import { type Leap, leapOf } from './picture-transition.ts';
import type { LivePlayer } from './live-player.ts';
import type { Bounds } from './video-surface.ts';

/** What is on the page now. */
const shown = new Set<LivePlayer>();
/** Their place has gone in this very moment; where it was. */
const leaving = new Map<LivePlayer, Bounds | undefined>();

export const noteShown = (player: LivePlayer): void => void shown.add(player);

/** Its place goes, and still stands: it stops, unless the page that comes in the same breath takes it. */
export function letGo(player: LivePlayer): void {
  shown.delete(player);
  leaving.set(player, player.stage.bounds());
  queueMicrotask(() => {
    if (leaving.delete(player)) {
      player.stop();
    }
  });
}

const of = (camera: string) => (player: LivePlayer) => player.options.camera === camera;

export interface TakenOver {
  /** It plays, and goes on playing wherever it is shown next. */
  readonly player: LivePlayer | undefined;
  readonly leap: Leap | undefined;
}

/** What showed that camera on the page that goes. To be called while the next page is rendered, once. */
export function takeOver(camera: string): TakenOver {
  const all = [...leaving].filter(([player]) => of(camera)(player));
  const playing = all.findLast(([{ view }]) => view.peek().phase === 'playing');
  const [player, bounds] = playing ?? all.at(-1) ?? [];
  const leap = player && bounds && leapOf(player.stage, bounds);
  if (playing) {
    const [taken] = playing;
    leaving.delete(taken);
    taken.setSound(false);
  }
  return { player: playing?.[0], leap };
}

/** Whoever plays that camera next begins with what is seen of it now. */
export function keepPictureOf(camera: string): void {
  for (const { stage } of [...shown, ...leaving.keys()].filter(of(camera))) {
    stage.keep();
  }
}
