import { useEffect, useRef, useState } from 'preact/hooks';
import { CameraAnnouncer } from '../cameras/announcer.ts';
import type { Camera } from '../cameras/camera.ts';
import { isOffline } from '../cameras/summary.ts';
import { nowMs } from '../shell/page-state.ts';
import { i18n } from '../words/i18n.ts';
import { liveWords, words } from '../words/words.ts';
import { currentEventLabel } from './tile.tsx';

/** Up to this many cameras are announced by name; of more only the number. */
const MAX_NAMED = 3;

/** Announces for screen readers: trouble first, then events. Both elements exist before they say anything. */
export function CameraAnnouncements({ cameras }: { readonly cameras: readonly Camera[] }) {
  const announcer = useRef(new CameraAnnouncer());
  const [said, setSaid] = useState({ trouble: '', news: '' });
  const now = nowMs.value;
  const { offline, camerasCount } = liveWords.value;
  const { language } = i18n();
  const all = cameras.map((camera) => ({
    name: camera.name,
    title: camera.title,
    isThere: !isOffline(camera, now),
    event: currentEventLabel(camera),
  }));
  useEffect(() => {
    const one = announcer.current.update(all, now);
    if (!one) {
      return;
    }
    const { titles } = one;
    const who = titles.length > MAX_NAMED ? camerasCount(titles.length) : new Intl.ListFormat(language).format(titles);
    // One at a time: a screen reader drops one of two that change together.
    if (one.what === 'gone') {
      setSaid({ trouble: `${who}: ${offline}`, news: '' });
    } else {
      setSaid({ trouble: '', news: `${who}: ${one.what === 'event' ? one.event : words.peek().live}` });
    }
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
