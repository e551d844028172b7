import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { access, session } from '../box/session.ts';
import { pageShown } from '../box/wake.ts';
import { keepStill } from './kept-stills.ts';
import { LivePlayer, type LivePlayerOptions } from './live-player.ts';

/** Tiles begin a quarter of the window before they are seen. */
const MARGIN = '25%';

/** The player of a path; another path or camera gets another one. */
export function useLivePlayer({ name, camera, wantsSound }: LivePlayerOptions): LivePlayer {
  return useMemo(() => new LivePlayer({ name, camera, wantsSound }), [name, camera, wantsSound]);
}

/** Shows a player. It plays only while it may (`isOn`), can be seen, and the page is shown. */
export function Picture({ player, isOn }: { readonly player: LivePlayer; readonly isOn: boolean }) {
  const place = useRef<HTMLDivElement>(null);
  const isSeen = useSeen(place);
  const mayPlay = isOn && isSeen && pageShown.value && access.value === 'granted';
  useLayoutEffect(() => {
    place.current?.replaceChildren(player.stage.element);
  }, [player]);
  useEffect(() => {
    if (mayPlay) {
      player.start();
      return () => player.stop();
    }
    return undefined;
  }, [player, mayPlay]);
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

function useSeen(element: { readonly current: HTMLElement | null }): boolean {
  const [isSeen, setSeen] = useState(false);
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
