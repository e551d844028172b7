import { batch } from '@preact/signals';
import { useEffect, useLayoutEffect, useState } from 'preact/hooks';
import { useSpans } from '../api-client/use-spans.ts';
import { nowMs } from '../shell/page-state.ts';
import type { Camera } from '../cameras/camera.ts';
import type { WhyNot } from '../playback/load-retry.ts';
import { RecordedPicture } from '../playback/recorded-picture.tsx';
import { whyNotWords } from '../playback/why-not-words.ts';
import { recordingsLink } from '../shell/route.ts';
import { onKeys } from '../timeline/shortcuts.ts';
import { windowOf } from '../timeline/time-window.ts';
import { Timeline } from '../timeline/timeline.tsx';
import {
  atMs,
  choose,
  fixedPlayhead,
  halt,
  isPlaying,
  leave,
  moveTo,
  play,
  scrubMs,
  seek,
  sent,
  show,
  spans,
  speed,
} from '../timeline/view.ts';
import { voice } from '../words/i18n.ts';
import { Icon } from '../ui/icons/icon.tsx';
import { cinemaWords } from '../words/cinema.ts';
import { clockSeconds } from '../words/format.ts';
import { liveWords, words } from '../words/words.ts';

const FRESH_MS = 5_000;
const WINDOW_MS = 30 * 60_000;
/** Now stands near the end: what lies behind it is where one slides from. */
const NOW_SHARE = 0.97;
const KEY_STEP_MS = 5_000;

interface StripProps {
  readonly camera: Camera;
  readonly isBack: boolean;
  readonly onBack: (isBack: boolean) => void;
}

/** The last half hour below the live picture: who slides on it sees that moment, and goes on from there. */
export function Strip({ camera: { name, title, main }, isBack, onBack }: StripProps) {
  const known = useSpans(name, FRESH_MS);
  const { offlineSince } = main;
  useStripView(name, isBack);
  const hasSome = known !== undefined && known !== 'mpegts' && known.length > 0;
  useLayoutEffect(() => {
    if (hasSome) {
      spans.value = known;
    }
  }, [known]);
  const isWanted = scrubMs.value !== undefined || sent.value !== undefined;
  useLayoutEffect(() => onBack(isWanted), [isWanted]);
  useLayoutEffect(() => onKeys({ l: toLive, L: toLive, ...(isBack ? { ' ': haltOrGoOn } : {}) }), [isBack]);
  if (!hasSome) {
    return null;
  }
  const lane = { name, title, offlineSinceMs: offlineSince ? Date.parse(offlineSince) : undefined };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the slider within takes the keys
    <div onKeyDown={onSliderKey}>
      <Timeline axis="x" cameras={[lane]} laneHeight={0} onLane={() => {}} />
      {isBack ? <WayOn name={name} /> : <p class="rewind-hint">{cinemaWords.value.slideBack}</p>}
    </div>
  );
}

export const haltOrGoOn = (): void => (isPlaying.peek() ? halt() : play());

function WayOn({ name }: { readonly name: string }) {
  const at = atMs.value;
  const { goOn, pause } = liveWords.value;
  return (
    <div class="rewind-ways">
      <button class="chip tap" type="button" aria-label={isPlaying.value ? pause : goOn} onClick={haltOrGoOn}>
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

/** Of when the picture is that is looked at. */
export function MomentSeen() {
  const at = atMs.value;
  const { language } = voice();
  return (
    <p class="state seen-before">
      <span class="digits">{at === undefined ? '' : clockSeconds(at, language)}</span>
    </p>
  );
}

/** Over the live picture, which goes on below. */
export function PictureFromBefore({ name, isQuiet }: { readonly name: string; readonly isQuiet: boolean }) {
  const [failure, setFailure] = useState<WhyNot>();
  return (
    <>
      <RecordedPicture name={name} isQuiet={isQuiet} onFailure={setFailure} onBlind={() => {}} />
      {failure && (
        <p class="in-gap" role="alert">
          {whyNotWords(failure)}
        </p>
      )}
    </>
  );
}

function toLive(): void {
  batch(() => {
    scrubMs.value = undefined;
    sent.value = undefined;
    // What is slid to next plays on from there.
    isPlaying.value = true;
    toNow(Date.now());
  });
}

function toNow(ms: number): void {
  moveTo(ms);
  show(windowOf(WINDOW_MS, ms, NOW_SHARE));
}

/** The timeline's view is this strip's while it is there. */
function useStripView(name: string, isBack: boolean): void {
  useLayoutEffect(() => {
    choose(name);
    fixedPlayhead.value = undefined;
    speed.value = 1;
    toLive();
    return () => {
      leave();
      atMs.value = undefined;
    };
  }, [name]);
  const second = nowMs.value;
  useEffect(() => {
    if (!isBack) {
      toNow(second);
    }
  }, [second, isBack]);
}

function onSliderKey(event: KeyboardEvent): void {
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (by !== undefined && event.target instanceof Element && event.target.closest('[role=slider]')) {
    event.preventDefault();
    seek((atMs.peek() ?? Date.now()) + by * KEY_STEP_MS);
  }
}
