import { effect, useComputed } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { lastDeleted } from '../api-client/recordings/recordings.ts';
import { route } from '../shell/route.ts';
import { nearestRecordedMoment } from '../timeline/file-ranges.ts';
import { drawInto, FramePreview } from '../timeline/frame-preview.ts';
import { gridMoment } from '../timeline/hover-preview.tsx';
import { isCovered } from '../timeline/lane.ts';
import { cardSourceAt, gapReasonAt, recordedNow } from '../timeline/scene.ts';
import {
  atMs,
  frameStep,
  isPlaying,
  pause,
  play,
  scrubMs,
  seek,
  seekTarget,
  setMoment,
  spans,
  speed,
} from '../timeline/view.ts';
import { toggleFullScreen } from '../ui/browser/full-screen.ts';
import { Icon } from '../ui/icons/icon.tsx';
import { cameraViewWords } from '../words/camera-view.ts';
import { longDay } from '../words/dates.ts';
import { clock } from '../words/format.ts';
import { i18n } from '../words/i18n.ts';
import { recordingsWords } from '../words/recordings.ts';
import type { PlaybackFailure } from './load-retry.ts';
import { RecordingPlayer } from './recording-player.ts';

/** The exact frame is loaded after the finger rests this long. */
const REST_MS = 120;

interface RecordedPictureProps {
  readonly name: string;
  /** Undefined: no longer missing. */
  readonly onFailure: (why: PlaybackFailure | undefined) => void;
  readonly onSoundOnly: () => void;
  /** Audio, full screen and taps are handled elsewhere. */
  readonly isQuiet?: boolean;
  /** Camera, if it is not shown elsewhere. */
  readonly caption?: string | undefined;
  /** Controls over the picture. */
  readonly children?: ComponentChildren;
}

/** The picture at the timeline's moment. */
export function RecordedPicture({ name, onFailure, onSoundOnly, isQuiet, caption, children }: RecordedPictureProps) {
  const screen = useRef<HTMLDivElement>(null);
  const video = useRef<HTMLVideoElement>(null);
  const cover = useRef<HTMLCanvasElement>(null);
  const [isGap, setGap] = useState(false);
  const [isMuted, setMuted] = useState(false);
  useEffect(() => {
    if (!video.current || !cover.current) {
      return undefined;
    }
    return follow(name, video.current, cover.current, { onGap: setGap, onFailure, onSoundOnly });
  }, [name]);
  // Changes at the ends of what was fetched, not with each picture.
  const source = useComputed(() => cardSourceAt(name, scrubMs.value ?? atMs.value ?? 0));
  const { soundOn, soundOff, fullScreen } = cameraViewWords.value;
  return (
    <div class="recording-screen" ref={screen}>
      <video
        class="recording"
        ref={video}
        muted={isQuiet ?? isMuted}
        playsInline
        preload="auto"
        onClick={() => isQuiet === undefined && (isPlaying.peek() ? pause() : play())}
      />
      <canvas class="cover" ref={cover} hidden />
      {isGap && <NothingHere name={name} isPlain={isQuiet !== undefined} />}
      {caption !== undefined && (
        <span class="caption">
          <b>
            <bdi>{caption}</bdi>
          </b>
        </span>
      )}
      {caption === undefined && source.value !== undefined && <span class="caption">{source.value}</span>}
      {isQuiet === undefined && (
        <div class="on-picture">
          {children}
          <button
            class="round"
            type="button"
            aria-label={isMuted ? soundOn : soundOff}
            onClick={() => setMuted(!isMuted)}
          >
            <Icon name={isMuted ? 'soundOff' : 'sound'} />
          </button>
          <button
            class="round"
            type="button"
            aria-label={fullScreen}
            onClick={() => toggleFullScreen(screen.current, video.current)}
          >
            <Icon name="full" />
          </button>
        </div>
      )}
    </div>
  );
}

/** With the reason, if known, and a button for the nearest recording. */
function NothingHere({ name, isPlain }: { readonly name: string; readonly isPlain: boolean }) {
  const t = recordingsWords.value;
  const ms = scrubMs.value ?? atMs.value ?? 0;
  const why = gapReasonAt(name, ms);
  const here = route.value;
  const isLinked = here.page === 'recordings' && here.atMs === ms;
  const isDeleted = isLinked && ms < (spans.value[0]?.startMs ?? ms);
  const nearestMs = nearestRecordedMoment(spans.value, ms);
  return (
    <div class="over-picture">
      <p role="status">{isDeleted ? t.recordingGone : why === undefined ? t.nothingHere : t.nothingHereFor(why)}</p>
      {!isPlain && scrubMs.value === undefined && nearestMs !== undefined && (
        <button class="chip tap" type="button" onClick={() => seek(nearestMs, true)}>
          {t.nearestRecording(`${longDay(nearestMs, i18n().language)} ${clock(nearestMs, i18n().language)}`)}
        </button>
      )}
    </div>
  );
}

interface PlaybackListener {
  readonly onGap: (isGap: boolean) => void;
  readonly onFailure: (why: PlaybackFailure | undefined) => void;
  readonly onSoundOnly: () => void;
}

/** Shows a still until the video has its first frame. @returns stops it */
function follow(
  name: string,
  video: HTMLVideoElement,
  cover: HTMLCanvasElement,
  listener: PlaybackListener,
): () => void {
  let isWaiting = false;
  const stills = new FramePreview(cover, () => {
    cover.hidden = !isWaiting;
  });
  const uncover = () => {
    isWaiting = false;
    cover.hidden = true;
    listener.onFailure(undefined);
  };
  const player = new RecordingPlayer(video, {
    onTime: setMoment,
    onShown: uncover,
    onLeave: () => {
      isWaiting = true;
      cover.hidden = !drawInto(cover, video) && cover.hidden;
    },
    onGap: (isGap) => {
      cover.hidden ||= isGap;
      if (isGap) {
        listener.onFailure(undefined);
      }
      listener.onGap(isGap);
    },
    onFailure: listener.onFailure,
    onSoundOnly: () => {
      uncover();
      listener.onSoundOnly();
    },
    onPaused: pause,
  });
  const stops = [
    effect(() => player.load(name, spans.value, lastDeleted.peek())),
    effect(() => player.setSpeed(speed.value)),
    effect(() => {
      if (seekTarget.value) {
        player.goTo(seekTarget.value.toMs, seekTarget.value.plays);
      }
    }),
    effect(() => player.play(isPlaying.value)),
    effect(() => frameStep.value && player.step(frameStep.value.by)),
    scrubbing(player, (ms) => {
      isWaiting = true;
      stills.ask(name, ms);
    }),
  ];
  frameStep.value = undefined;
  return () => {
    for (const stop of stops) {
      stop();
    }
    stills.forget();
    player.close();
  };
}

/** The nearest frame while scrubbing, the exact one at rest. */
function scrubbing(player: RecordingPlayer, askStill: (ms: number) => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stop = effect(() => {
    const ms = scrubMs.value;
    clearTimeout(timer);
    player.hold(ms !== undefined);
    if (ms === undefined) {
      return;
    }
    if (isCovered(recordedNow(), ms)) {
      askStill(gridMoment(ms));
    }
    timer = setTimeout(() => player.goTo(ms), REST_MS);
  });
  return () => {
    clearTimeout(timer);
    stop();
  };
}
