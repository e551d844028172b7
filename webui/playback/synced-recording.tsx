import { effect } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import { useSpans } from '../api-client/recordings.ts';
import { atMs, isPlaying, scrubMs, seekTarget, speed, toggleSynced } from '../timeline/view.ts';
import { Icon } from '../ui/icons/icon.tsx';
import { recordingsWords } from '../words/recordings.ts';
import { RecordingPlayer } from './recording-player.ts';

const REFRESH_MS = 15_000;
const LOOK_MS = 250;

/** Another camera, in step with the chosen one; without sound. */
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
    const stop = keepInStep(own);
    return () => {
      stop();
      own.close();
      player.current = undefined;
    };
  }, [name]);
  useEffect(() => {
    if (Array.isArray(spans)) {
      player.current?.load(name, spans);
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

/** Goes where the chosen camera goes; what runs apart comes together again. @returns what ends it */
function keepInStep(player: RecordingPlayer): () => void {
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
  }, LOOK_MS);
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

/** Nobody sees this. */
const CLOSE_MS = 60;
/** While all stand still: each picture stands where its camera took it. */
const STILL_MS = 300;
/** Leaning would take too long. */
const FAR_MS = 700;
const LEAN = 0.08;

/**
 * By which factor a picture plays faster or slower to come into step; undefined: it has to jump.
 *
 * @param aheadMs how far it is ahead of the other
 */
export function syncRate(aheadMs: number, speed: number, isPlaying: boolean): number | undefined {
  const away = Math.abs(aheadMs);
  if (away > FAR_MS * Math.max(1, speed) || (!isPlaying && away > STILL_MS)) {
    return undefined;
  }
  return away <= CLOSE_MS * Math.max(1, speed) ? 1 : aheadMs > 0 ? 1 - LEAN : 1 + LEAN;
}
