import { useEffect, useRef, useState } from 'preact/hooks';
import { nowMs } from '../shell/page-state.ts';
import { Heard } from '../cameras/announcer.ts';
import { type Camera, canPlay } from '../cameras/camera.ts';
import { liveWords, words } from '../words/words.ts';
import { eventWord } from './tile.tsx';

/** For who does not see the grid: trouble at once, all else when there is time. Both are there before they say anything. */
export function HeardCameras({ cameras }: { readonly cameras: readonly Camera[] }) {
  const heard = useRef(new Heard());
  const [said, setSaid] = useState({ trouble: '', news: '' });
  const now = nowMs.value;
  const { offline } = liveWords.value;
  const { live } = words.value;
  const all = cameras.map((camera) => ({
    ...{ name: camera.name, title: camera.title },
    isThere: canPlay(camera.main) || camera.main.paused,
    event: eventWord(camera),
  }));
  useEffect(() => {
    const one = heard.current.look(all, now);
    if (one?.what === 'gone') {
      setSaid({ trouble: `${one.title}: ${offline}`, news: '' });
    } else if (one) {
      setSaid({ trouble: '', news: `${one.title}: ${one.event ?? live}` });
    }
    // One at a look: what is said at once with another is not heard.
  }, [now, cameras]);
  return (
    <>
      <p class="unseen" role="alert">
        {said.trouble}
      </p>
      <p class="unseen" role="status">
        {said.news}
      </p>
    </>
  );
}
