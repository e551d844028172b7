import { effect, type ReadonlySignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { access, session } from '../api-client/session.ts';
import { isPageVisible } from '../shell/page-state.ts';
import { LivePlayer, type LivePlayerOptions } from './live-player.ts';
import { captureTransition, playTransition, type Transition } from './picture-transition.ts';
import type { PlayerView } from './player.ts';
import { saveStill } from './stored-stills.ts';
import type { Bounds } from './video-surface.ts';

/** Tiles begin a quarter of the window before they are seen. */
const MARGIN = '25%';

/** The player of a path; another path or camera gets another one. */
export function useLivePlayer({ name, camera, wantsSound }: LivePlayerOptions): LivePlayer {
  return useMemo(() => newPlayer({ name, camera, wantsSound }), [name, camera, wantsSound]);
}

function newPlayer(options: LivePlayerOptions): LivePlayer {
  keepStillOf(options.camera);
  return new LivePlayer(options);
}

export interface HandedPlayer {
  readonly player: LivePlayer;
  /** Until the player plays: what played on the page before, and goes on meanwhile. */
  readonly bridge: LivePlayer | undefined;
  /** From where the picture came. */
  readonly transition: Transition | undefined;
}

/** As `useLivePlayer`, on a page that takes over what plays of the camera on the page before: no second session, no black. */
export function useHandedPlayer({ name, camera, wantsSound }: LivePlayerOptions): HandedPlayer {
  const [{ transition, player: before }] = useState(() => takeOver(camera));
  const [passing, setPassing] = useState(before);
  const running = useRef(passing);
  const options = { name, camera, wantsSound };
  running.current = running.current && serves(running.current.options, options) ? running.current : newPlayer(options);
  const player = running.current;
  const isThere = player.view.value.phase === 'playing';
  useEffect(() => passing && watchBridge(passing, player, () => setPassing(undefined)), [passing, player]);
  return { player, bridge: isThere || passing === player ? undefined : passing, transition };
}

/** Sound that comes and is not heard harms nobody: a picture that plays is not opened anew to be without. */
const serves = (one: LivePlayerOptions, wanted: LivePlayerOptions): boolean =>
  one.name === wanted.name && one.camera === wanted.camera && (one.wantsSound || !wanted.wantsSound);

/** Shows a player, above it what goes on until that plays, and the way here of the picture. */
export function HandedPicture({ player, bridge, transition, isOn }: HandedPlayer & { readonly isOn: boolean }) {
  const place = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const { current } = place;
    if (transition && current) {
      // When all is laid out, and before it is painted.
      queueMicrotask(() =>
        playTransition(transition, (bridge ?? player).surface, current.closest('.screen') ?? current),
      );
    }
  }, []);
  return (
    <div class="pictures" ref={place}>
      <Picture key={keyOf(player)} player={player} isOn={isOn} />
      {bridge && <Picture key={keyOf(bridge)} player={bridge} isOn={isOn} />}
    </div>
  );
}

const keyOf = ({ options: { name, wantsSound } }: LivePlayer): string => `${wantsSound ? 'heard' : 'quiet'} ${name}`;

interface PictureProps {
  readonly player: LivePlayer;
  readonly isOn: boolean;
  /** Whether it can be seen, as soon as the browser has told. */
  readonly onSight?: (isSeen: boolean) => void;
}

/** Shows a player. It plays only while it may (`isOn`), can be seen, and the page is shown. */
export function Picture({ player, isOn, onSight }: PictureProps) {
  const place = useRef<HTMLDivElement>(null);
  const isSeen = useSeen(place);
  useEffect(() => {
    if (isSeen !== undefined) {
      onSight?.(isSeen);
    }
  }, [isSeen]);
  const isWanted = isOn && isPageVisible.value && access.value === 'granted';
  useLayoutEffect(() => {
    place.current?.replaceChildren(player.surface.element);
    noteShown(player);
    return () => releasePlayer(player);
  }, [player]);
  useEffect(() => updatePlayback(player, isWanted, isSeen), [player, isWanted, isSeen]);
  return <div class="picture" ref={place} />;
}

const FIRST_KEEP_MS = 2_000;
const KEEP_MS = 60_000;

/** Keeps what is shown for the next visit. Whoever came by a link leaves nothing behind. */
export function useSavedStill(player: LivePlayer, camera: string): void {
  const isPlaying = player.view.value.phase === 'playing';
  useEffect(() => {
    if (!isPlaying) {
      return undefined;
    }
    const keep = () => {
      if (session.peek()?.role !== 'guest') {
        saveStill(camera, player.surface);
      }
    };
    const first = setTimeout(keep, FIRST_KEEP_MS);
    const timer = setInterval(keep, KEEP_MS);
    window.addEventListener('pagehide', keep);
    return () => {
      clearTimeout(first);
      clearInterval(timer);
      window.removeEventListener('pagehide', keep);
    };
  }, [player, camera, isPlaying]);
}

/** @returns undefined until the browser has told it */
function useSeen(element: { readonly current: HTMLElement | null }): boolean | undefined {
  const [isSeen, setSeen] = useState<boolean>();
  useEffect(() => {
    const observer = new IntersectionObserver((entries) => setSeen(entries.some((entry) => entry.isIntersecting)), {
      rootMargin: MARGIN,
    });
    if (element.current) {
      observer.observe(element.current);
    }
    return () => observer.disconnect();
  }, [element]);
  return isSeen;
}

/** What is on the page now. */
const shown = new Set<LivePlayer>();
/** Their place has gone in this very moment; where it was. */
const leaving = new Map<LivePlayer, Bounds | undefined>();

const noteShown = (player: LivePlayer): void => void shown.add(player);

/** Its place goes, and still stands: it stops, unless the page that comes in the same breath takes it. */
function releasePlayer(player: LivePlayer): void {
  shown.delete(player);
  leaving.set(player, player.surface.bounds());
  queueMicrotask(() => {
    if (leaving.delete(player)) {
      player.stop();
    }
  });
}

const of = (camera: string) => (player: LivePlayer) => player.options.camera === camera;

interface TakenOver {
  /** It plays, and goes on playing wherever it is shown next. */
  readonly player: LivePlayer | undefined;
  readonly transition: Transition | undefined;
}

/** What showed that camera on the page that goes. To be called while the next page is rendered, once. */
function takeOver(camera: string): TakenOver {
  const all = [...leaving].filter(([player]) => of(camera)(player));
  const playing = all.findLast(([{ view }]) => view.peek().phase === 'playing');
  const [player, bounds] = playing ?? all.at(-1) ?? [];
  const transition = player && bounds && captureTransition(player.surface, bounds);
  if (playing) {
    const [taken] = playing;
    leaving.delete(taken);
    taken.setSound(false);
  }
  return { player: playing?.[0], transition };
}

/** Whoever plays that camera next begins with what is seen of it now. */
function keepStillOf(camera: string): void {
  for (const { surface } of [...shown, ...leaving.keys()].filter(of(camera))) {
    surface.keep();
  }
}

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
export function updatePlayback(player: Steered, isWanted: boolean, isSeen: boolean | undefined): void {
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
