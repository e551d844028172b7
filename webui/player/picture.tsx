import { effect, type ReadonlySignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { access, session } from '../api-client/session.ts';
import { isPageVisible } from '../shell/page-state.ts';
import { LivePlayer, type LivePlayerOptions } from './live-player.ts';
import type { PlayerView } from './player.ts';
import { saveStill } from './stored-stills.ts';
import type { Bounds, VideoSurface } from './video-surface.ts';

/** A picture that moves from one page to another. */
interface Transition {
  readonly still: HTMLCanvasElement;
  readonly from: Bounds;
}

const EASE = 'cubic-bezier(.2,.8,.2,1)';
const GROW_MS = 240;
/** Duration of the movement back to a tile. */
const SHRINK_MS = 160;

/** From the picture's former place. Undefined without a picture or movement. */
function captureTransition(surface: VideoSurface, from: Bounds): Transition | undefined {
  const isWanted = !matchMedia('(prefers-reduced-motion: reduce)').matches;
  if (!isWanted || from.top > window.innerHeight || from.top + from.height < 0) {
    return undefined;
  }
  const still = document.createElement('canvas');
  still.width = Math.round(Math.min(960, from.width * devicePixelRatio));
  still.height = Math.round((still.width * from.height) / from.width);
  const context = still.getContext('2d');
  return context && surface.drawTo(context, still.width, still.height) ? { still, from } : undefined;
}

/**
 * Animates a still to the new place and then shows the video: the size of a playing video is never animated.
 * @param veiled hidden meanwhile
 */
function playTransition({ still, from }: Transition, surface: VideoSurface, veiled: Element): void {
  const to = surface.bounds();
  if (!to) {
    return;
  }
  const { left, top, width, height } = to;
  Object.assign(still.style, { left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` });
  still.className = 'picture-transition';
  still.setAttribute('aria-hidden', 'true');
  // Controls lie over the large picture during the animation as well.
  (veiled.closest('.camera-view') ?? document.body).append(still);
  const duration = width > from.width ? GROW_MS : SHRINK_MS;
  veiled.animate({ opacity: [0, 0] }, { duration });
  const begin = `translate(${from.left - left}px, ${from.top - top}px) scale(${from.width / width}, ${from.height / height})`;
  const moving = still.animate({ transform: [begin, 'none'] }, { duration, easing: EASE });
  moving.finished.catch(() => {}).finally(() => still.remove());
}

/** Tiles start a quarter of the viewport before they become visible. */
const MARGIN = '25%';

/** A player per path and camera. */
export function useLivePlayer({ name, camera, wantsSound }: LivePlayerOptions): LivePlayer {
  return useMemo(() => newPlayer({ name, camera, wantsSound }), [name, camera, wantsSound]);
}

function newPlayer(options: LivePlayerOptions): LivePlayer {
  keepStillOf(options.camera);
  return new LivePlayer(options);
}

export interface HandedPlayer {
  readonly player: LivePlayer;
  /** The former player, which continues until this one plays. */
  readonly bridge: LivePlayer | undefined;
  /** Former place of the picture. */
  readonly transition: Transition | undefined;
}

/** Like `useLivePlayer`, but takes over what plays on the former page: no second session, no black. */
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

/** Whether a player can serve the wanted options. One with audio also serves without: it is muted, not reopened. */
const serves = (one: LivePlayerOptions, wanted: LivePlayerOptions): boolean =>
  one.name === wanted.name && one.camera === wanted.camera && (one.wantsSound || !wanted.wantsSound);

/** Renders a player, the bridge above it until it plays, and the transition. */
export function HandedPicture({ player, bridge, transition, isOn }: HandedPlayer & { readonly isOn: boolean }) {
  const place = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const { current } = place;
    if (transition && current) {
      // Runs after layout and before paint.
      queueMicrotask(() =>
        playTransition(transition, (bridge ?? player).surface, current.closest('.screen') ?? current),
      );
    }
  }, []);
  return (
    <div class="pictures" ref={place}>
      <Picture key={playerKey(player)} player={player} isOn={isOn} />
      {bridge && <Picture key={playerKey(bridge)} player={bridge} isOn={isOn} />}
    </div>
  );
}

const playerKey = ({ options: { name, wantsSound } }: LivePlayer): string =>
  `${wantsSound ? 'heard' : 'quiet'} ${name}`;

interface PictureProps {
  readonly player: LivePlayer;
  readonly isOn: boolean;
  /** Visibility, once the observer has reported it. */
  readonly onSight?: (isSeen: boolean) => void;
}

/** Renders a player that plays while `isOn`, visible, and on a visible page. */
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

/** Stores the still for the next visit, except for guests. */
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

/** @returns undefined until the observer has reported */
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

/** Players on the page. */
const shownPlayers = new Set<LivePlayer>();
/** Players whose place has just been removed, with its position. */
const leaving = new Map<LivePlayer, Bounds | undefined>();

const noteShown = (player: LivePlayer): void => void shownPlayers.add(player);

/** Stops a player whose place is removed, unless the next page takes it over at once. */
function releasePlayer(player: LivePlayer): void {
  shownPlayers.delete(player);
  leaving.set(player, player.surface.bounds());
  queueMicrotask(() => {
    if (leaving.delete(player)) {
      player.stop();
    }
  });
}

const of = (camera: string) => (player: LivePlayer) => player.options.camera === camera;

interface TakenOver {
  /** It plays, and may continue in another place. */
  readonly player: LivePlayer | undefined;
  readonly transition: Transition | undefined;
}

/** The player of that camera on the former page. Call it once, during render. */
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

/** The next player of the camera starts with this still. */
function keepStillOf(camera: string): void {
  for (const { surface } of [...shownPlayers, ...leaving.keys()].filter(of(camera))) {
    surface.keep();
  }
}

interface Watched {
  readonly view: ReadonlySignal<PlayerView>;
}

interface PlaybackTarget {
  start(): void;
  stop(): void;
}

/**
 * A player from another page continues until its visibility is known; stopping would turn it black.
 * @param isSeen undefined if not reported yet
 */
export function updatePlayback(player: PlaybackTarget, isWanted: boolean, isSeen: boolean | undefined): void {
  if (!isWanted || isSeen === false) {
    player.stop();
  } else if (isSeen) {
    player.start();
  }
}

/** Limit for a bridge, because its stream may be too large for this place. */
export const MAX_BRIDGE_MS = 10_000;

/** Calls `onOver` when the bridge is no longer useful. @returns stops watching */
export function watchBridge(bridge: Watched, own: Watched, onOver: () => void): () => void {
  const timer = setTimeout(onOver, MAX_BRIDGE_MS);
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
