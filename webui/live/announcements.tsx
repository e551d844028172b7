import { useEffect, useRef, useState } from 'preact/hooks';
import { CameraAnnouncer } from '../cameras/announcer.ts';
import { type Camera, canPlay } from '../cameras/camera.ts';
import { nowMs } from '../shell/page-state.ts';
import { liveWords, words } from '../words/words.ts';
import { currentEventLabel } from './tile.tsx';

/** For screen readers: an assertive region for trouble and a polite one for the rest, both present before messages. */
export function CameraAnnouncements({ cameras }: { readonly cameras: readonly Camera[] }) {
  const heard = useRef(new CameraAnnouncer());
  const [said, setSaid] = useState({ trouble: '', news: '' });
  const now = nowMs.value;
  const { offline } = liveWords.value;
  const { live } = words.value;
  const all = cameras.map((camera) => ({
    ...{ name: camera.name, title: camera.title },
    isThere: canPlay(camera.main) || camera.main.paused,
    event: currentEventLabel(camera),
  }));
  useEffect(() => {
    const one = heard.current.look(all, now);
    if (one?.what === 'gone') {
      setSaid({ trouble: `${one.title}: ${offline}`, news: '' });
    } else if (one) {
      setSaid({ trouble: '', news: `${one.title}: ${one.event ?? live}` });
    }
    // One per second; simultaneous messages would be lost.
  }, [now, cameras]);
  return (
    <>
      <p class="visually-hidden" role="alert">
        {said.trouble}
      </p>
      <p class="visually-hidden" role="status">
        {said.news}
      </p>
    </>
  );
}
