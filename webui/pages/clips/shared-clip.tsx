import { useEffect, useState } from 'preact/hooks';
import type { SharedClip } from '../../api-client/api-types.ts';
import { fetchJson } from '../../api-client/request.ts';
import { retryUntilAnswered } from '../../api-client/retry.ts';
import { Empty } from '../../live/notices.tsx';
import { nowMs } from '../../shell/page-state.ts';
import { Icon } from '../../ui/icons/icon.tsx';
import { dayName } from '../../words/dates.ts';
import { byteSize, clockSeconds, duration } from '../../words/format.ts';
import { i18n } from '../../words/i18n.ts';
import { libraryWords } from '../../words/settings/library.ts';
import { ClipVideo } from './clip-video.tsx';

const FILE = 'v3/guest/clip.mp4';

/** The clip of a guest link, and nothing else. */
export function SharedClipPage() {
  const intl = i18n();
  const [value, setValue] = useState<SharedClip>();
  const [isGone, setGone] = useState(false);
  useEffect(() => {
    const stop = new AbortController();
    const load = () => fetchJson<SharedClip>('v3/guest/clip', { signal: stop.signal });
    retryUntilAnswered(load, stop.signal).then(setValue, () => setGone(true));
    return () => stop.abort();
  }, []);
  const { title } = value ?? {};
  useEffect(() => {
    if (title !== undefined) {
      document.title = `${title} · Perch`;
    }
  }, [title]);
  const t = libraryWords.value;
  if (isGone || value?.recordedSeconds === 0) {
    return <Empty title={t.sharedClipGone} text={t.sharedClipGoneText} />;
  }
  if (!value) {
    return <div class="skeleton-page" />;
  }
  const [startMs, endMs] = [Date.parse(value.start), Date.parse(value.end)];
  return (
    <div class="shared-clip">
      <header class="top">
        <h1>
          <bdi>{value.title}</bdi>
        </h1>
      </header>
      <ClipVideo address={FILE} />
      <p class="dim digits">
        {dayName(startMs, nowMs.value, intl)} {clockSeconds(startMs, intl.language)} · {duration(endMs - startMs, intl)}
      </p>
      <a class="button main" href={`${FILE}?download=1`} download>
        <Icon name="download" small />
        {t.downloadSize(byteSize(value.bytes, intl.language))}
      </a>
    </div>
  );
}
