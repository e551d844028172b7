import { effect } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import { lastDeleted, useSpans } from '../api-client/recordings/recordings.ts';
import { atMs, isPlaying, scrubMs, seekTarget, speed, syncedCameras, toggleSynced } from '../timeline/view.ts';
import { Icon } from '../ui/icons/icon.tsx';
import { recordingsWords } from '../words/recordings.ts';
import { RecordingPlayer } from './recording-player.ts';

const NONE = '';
const REFRESH_MS = 15_000;
const POLL_MS = 250;

/** Another camera in sync with the chosen one, without audio. */
export function SyncedRecording({ name, title }: { readonly name: string; readonly title: string }) {
  const video = useRef<HTMLVideoElement>(null);
  const player = useRef<RecordingPlayer>(undefined);
  const [isGap, setGap] = useState(false);
  const spans = useSpans(name, REFRESH_MS);
  useEffect(() => {
    if (!video.current) {
      return undefined;
    }
    const nothing = () => {};
    const listener = { onTime: nothing, onShown: nothing, onLeave: nothing, onSoundOnly: nothing, onPaused: nothing };
    const own = new RecordingPlayer(
      video.current,
      { ...listener, onGap: setGap, onFailure: (why) => setGap(why === 'gone') },
      false,
    );
    player.current = own;
    const stop = keepInSync(own);
    return () => {
      stop();
      own.close();
      player.current = undefined;
    };
  }, [name]);
  useEffect(() => {
    if (Array.isArray(spans)) {
      player.current?.load(name, spans, lastDeleted.peek());
      const at = atMs.peek();
      if (at !== undefined && player.current?.nowMs() === undefined) {
        player.current?.goTo(at);
      }
    }
  }, [spans]);
  const words = recordingsWords.value;
  return (
    <div class="recording-screen synced">
      <video class="recording" ref={video} muted playsInline preload="auto" />
      {isGap && <p class="over-picture">{words.nothingHere}</p>}
      <span class="caption">
        <b>
          <bdi>{title}</bdi>
        </b>
      </span>
      <div class="on-picture">
        <button class="round" type="button" aria-label={words.stopInStep(title)} onClick={() => toggleSynced(name)}>
          <Icon name="cross" />
        </button>
      </div>
    </div>
  );
}

/** Follows the chosen camera and corrects drift. @returns stops it */
function keepInSync(player: RecordingPlayer): () => void {
  const timer = setInterval(() => {
    const [at, own] = [atMs.peek(), player.nowMs()];
    if (at === undefined || own === undefined || scrubMs.peek() !== undefined || player.video.seeking) {
      return;
    }
    const adjustRate = syncRate(own - at, speed.peek(), isPlaying.peek());
    if (adjustRate === undefined) {
      player.goTo(at);
    } else {
      player.adjustRate(adjustRate);
    }
  }, POLL_MS);
  const stops = [
    effect(() => player.setSpeed(speed.value)),
    effect(() => {
      if (seekTarget.value) {
        player.goTo(seekTarget.value.toMs, seekTarget.value.plays);
      }
    }),
    effect(() => player.play(isPlaying.value && scrubMs.value === undefined)),
  ];
  return () => {
    clearInterval(timer);
    for (const stop of stops) {
      stop();
    }
  };
}

/** Too small to notice. */
const CLOSE_MS = 60;
/** Tolerance while paused, because frames have a distance. */
const STILL_MS = 300;
/** Larger differences are corrected by seeking. */
const FAR_MS = 700;
const RATE_CHANGE = 0.08;

/**
 * Speed factor that corrects drift, or undefined to seek instead.
 *
 * @param aheadMs lead over the other
 */
export function syncRate(aheadMs: number, speed: number, isPlaying: boolean): number | undefined {
  const away = Math.abs(aheadMs);
  if (away > FAR_MS * Math.max(1, speed) || (!isPlaying && away > STILL_MS)) {
    return undefined;
  }
  return away <= CLOSE_MS * Math.max(1, speed) ? 1 : aheadMs > 0 ? 1 - RATE_CHANGE : 1 + RATE_CHANGE;
}

interface SyncChoiceProps {
  readonly cameras: readonly { readonly name: string; readonly title: string }[];
}

/** Chooses a second camera on phones, which have no lanes. */
export function SyncChoice({ cameras }: SyncChoiceProps) {
  const t = recordingsWords.value;
  return (
    <label class="round sync-choice">
      <Icon name="arrange" />
      <select
        aria-label={t.stepWith}
        value={syncedCameras.value.at(-1) ?? NONE}
        onChange={({ currentTarget: { value } }) => {
          syncedCameras.value = value === NONE ? [] : [value];
        }}
      >
        <option value={NONE}>{t.stepAlone}</option>
        {cameras.map(({ name, title }) => (
          <option key={name} value={name}>
            {title}
          </option>
        ))}
      </select>
    </label>
  );
}
