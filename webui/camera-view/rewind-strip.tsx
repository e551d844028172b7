import { batch } from '@preact/signals';
import { useEffect, useLayoutEffect, useState } from 'preact/hooks';
import { useSpans } from '../api-client/recordings/recordings.ts';
import type { Camera } from '../cameras/camera.ts';
import { type PlaybackFailure, playbackFailureText } from '../playback/load-retry.ts';
import { RecordedPicture } from '../playback/recorded-picture.tsx';
import { nowMs } from '../shell/page-state.ts';
import { recordingsLink } from '../shell/route.ts';
import { onShortcuts } from '../timeline/shortcuts.ts';
import { timeWindow } from '../timeline/time-window.ts';
import { Timeline } from '../timeline/timeline.tsx';
import {
  atMs,
  isPlayheadFixed,
  isPlaying,
  pause,
  play,
  resetView,
  scrubMs,
  seek,
  seekTarget,
  selectCamera,
  setMoment,
  showWindow,
  spans,
  speed,
} from '../timeline/view.ts';
import { stepOf } from '../ui/browser/keys.ts';
import { Icon } from '../ui/icons/icon.tsx';
import { cameraViewWords } from '../words/camera-view.ts';
import { clockSeconds } from '../words/format.ts';
import { i18n } from '../words/i18n.ts';
import { liveWords, words } from '../words/words.ts';

const FRESH_MS = 5_000;
const WINDOW_MS = 30 * 60_000;
/** Position of now on the strip. */
const NOW_SHARE = 0.97;
const KEY_STEP_MS = 5_000;

interface StripProps {
  readonly camera: Camera;
  readonly isRewound: boolean;
  readonly onRewind: (isRewound: boolean) => void;
}

/** The last half hour below the live picture. Sliding rewinds to that moment. */
export function RewindStrip({ camera: { name, title, main }, isRewound, onRewind }: StripProps) {
  const known = useSpans(name, FRESH_MS);
  const { offlineSince } = main;
  useRewindView(name, isRewound);
  const hasSome = known !== undefined && known.length > 0;
  useLayoutEffect(() => {
    if (hasSome) {
      spans.value = known;
    }
  }, [known]);
  const isWanted = scrubMs.value !== undefined || seekTarget.value !== undefined;
  useLayoutEffect(() => onRewind(isWanted), [isWanted]);
  useLayoutEffect(
    () => onShortcuts({ l: toLive, L: toLive, ...(isRewound ? { ' ': togglePlaying } : {}) }),
    [isRewound],
  );
  if (!hasSome) {
    return null;
  }
  const lane = { name, title, offlineSinceMs: offlineSince ? Date.parse(offlineSince) : undefined };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the slider within takes the keys
    <div onKeyDown={onSliderKey}>
      <Timeline axis="x" cameras={[lane]} laneHeight={0} isStrip onLane={() => {}} />
      {isRewound ? <RewindActions name={name} /> : <p class="rewind-hint">{cameraViewWords.value.slideBack}</p>}
    </div>
  );
}

export const togglePlaying = (): void => (isPlaying.peek() ? pause() : play());

function RewindActions({ name }: { readonly name: string }) {
  const at = atMs.value;
  const { goOn, pause } = liveWords.value;
  return (
    <div class="rewind-actions">
      <button class="chip tap" type="button" aria-label={isPlaying.value ? pause : goOn} onClick={togglePlaying}>
        <Icon name={isPlaying.value ? 'halt' : 'play'} />
      </button>
      <button class="chip tap to-live" type="button" onClick={toLive}>
        {words.value.live}
      </button>
      <a class="chip tap" href={recordingsLink(name, at === undefined ? {} : { atMs: at })}>
        {words.value.recordings}
      </a>
    </div>
  );
}

/** Time of the picture. */
export function RewindTime() {
  const at = atMs.value;
  const { language } = i18n();
  return (
    <p class="state rewound">
      <span class="digits">{at === undefined ? '' : clockSeconds(at, language)}</span>
    </p>
  );
}

/** Covers the live picture, which continues. */
export function RewindPicture({ name, isQuiet }: { readonly name: string; readonly isQuiet: boolean }) {
  const [failure, setFailure] = useState<PlaybackFailure>();
  return (
    <>
      <RecordedPicture name={name} isQuiet={isQuiet} onFailure={setFailure} onSoundOnly={() => {}} />
      {failure && (
        <p class="over-picture" role="alert">
          {playbackFailureText(failure)}
        </p>
      )}
    </>
  );
}

function toLive(): void {
  batch(() => {
    scrubMs.value = undefined;
    seekTarget.value = undefined;
    // Playback continues at the next position.
    isPlaying.value = true;
    toNow(Date.now());
  });
}

function toNow(ms: number): void {
  setMoment(ms);
  showWindow(timeWindow(WINDOW_MS, ms, NOW_SHARE));
}

/** Owns the timeline's view while mounted. */
function useRewindView(name: string, isRewound: boolean): void {
  useLayoutEffect(() => {
    selectCamera(name);
    isPlayheadFixed.value = false;
    speed.value = 1;
    toLive();
    return () => {
      resetView();
      atMs.value = undefined;
    };
  }, [name]);
  const second = nowMs.value;
  useEffect(() => {
    if (!isRewound) {
      toNow(second);
    }
  }, [second, isRewound]);
}

function onSliderKey(event: KeyboardEvent): void {
  const by = stepOf(event, { ArrowLeft: -1, ArrowRight: 1 });
  if (by !== undefined && event.target instanceof Element && event.target.closest('[role=slider]')) {
    event.preventDefault();
    seek((atMs.peek() ?? Date.now()) + by * KEY_STEP_MS);
  }
}
