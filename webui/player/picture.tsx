import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { access, session } from '../api-client/session.ts';
import { pageShown } from '../shell/page-state.ts';
import { keepPictureOf, letGo, noteShown, takeOver } from './handover.ts';
import { keepStill } from './stored-stills.ts';
import { type Leap, leapTo } from './picture-transition.ts';
import { LivePlayer, type LivePlayerOptions } from './live-player.ts';
import { steer, watchBridge } from './may-play.ts';

/** Tiles begin a quarter of the window before they are seen. */
const MARGIN = '25%';

/** The player of a path; another path or camera gets another one. */
export function useLivePlayer({ name, camera, wantsSound }: LivePlayerOptions): LivePlayer {
  return useMemo(() => newPlayer({ name, camera, wantsSound }), [name, camera, wantsSound]);
}

function newPlayer(options: LivePlayerOptions): LivePlayer {
  keepPictureOf(options.camera);
  return new LivePlayer(options);
}

export interface HandedPlayer {
  readonly player: LivePlayer;
  /** Until the player plays: what played on the page before, and goes on meanwhile. */
  readonly bridge: LivePlayer | undefined;
  /** From where the picture came. */
  readonly leap: Leap | undefined;
}

/** As `useLivePlayer`, on a page that takes over what plays of the camera on the page before: no second session, no black. */
export function useHandedPlayer({ name, camera, wantsSound }: LivePlayerOptions): HandedPlayer {
  const [{ leap, player: before }] = useState(() => takeOver(camera));
  const [passing, setPassing] = useState(before);
  const running = useRef(passing);
  const options = { name, camera, wantsSound };
  running.current = running.current && serves(running.current.options, options) ? running.current : newPlayer(options);
  const player = running.current;
  const isThere = player.view.value.phase === 'playing';
  useEffect(() => passing && watchBridge(passing, player, () => setPassing(undefined)), [passing, player]);
  return { player, bridge: isThere || passing === player ? undefined : passing, leap };
}

/** Sound that comes and is not heard harms nobody: a picture that plays is not opened anew to be without. */
const serves = (one: LivePlayerOptions, wanted: LivePlayerOptions): boolean =>
  one.name === wanted.name && one.camera === wanted.camera && (one.wantsSound || !wanted.wantsSound);

/** Shows a player, above it what goes on until that plays, and the way here of the picture. */
export function HandedPicture({ player, bridge, leap, isOn }: HandedPlayer & { readonly isOn: boolean }) {
  const place = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const { current } = place;
    if (leap && current) {
      // When all is laid out, and before it is painted.
      queueMicrotask(() => leapTo(leap, (bridge ?? player).stage, current.closest('.screen') ?? current));
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
  const isWanted = isOn && pageShown.value && access.value === 'granted';
  useLayoutEffect(() => {
    place.current?.replaceChildren(player.stage.element);
    noteShown(player);
    return () => letGo(player);
  }, [player]);
  useEffect(() => steer(player, isWanted, isSeen), [player, isWanted, isSeen]);
  return <div class="picture" ref={place} />;
}

const FIRST_KEEP_MS = 2_000;
const KEEP_MS = 60_000;

/** Keeps what is shown for the next visit. Whoever came by a link leaves nothing behind. */
export function useKeptStill(player: LivePlayer, camera: string): void {
  const isPlaying = player.view.value.phase === 'playing';
  useEffect(() => {
    if (!isPlaying) {
      return undefined;
    }
    const keep = () => {
      if (session.peek()?.role !== 'guest') {
        keepStill(camera, player.stage);
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
