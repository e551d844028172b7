import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { access } from '../box/session.ts';
import { pageShown } from '../box/wake.ts';
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
  const mayPlay = isOn && isSeen && pageShown.value && access.value !== 'refused';
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
