import { nowMs } from '../box/wake.ts';
import { absenceOf } from '../cameras/absence.ts';
import { type Camera, canPlay, isSoundAlone, smallPath, videoCodec } from '../cameras/pair.ts';
import { type CameraState, cameraState } from '../cameras/state.ts';
import type { LivePlayer } from '../player/live-player.ts';
import { Picture, useLivePlayer } from '../player/picture.tsx';
import { cameraLink } from '../route.ts';
import type { LiveWords } from '../words/en/live.ts';
import { moment } from '../words/format.ts';
import { liveWords } from '../words/words.ts';
import { voice } from './voice.ts';

/** The camera's state now, from the box's answer and the player. */
export function stateOf(camera: Camera, player: LivePlayer): CameraState {
  const picture = { phase: player.view.value.phase, lastFrameMs: player.stage.lastFrameMs };
  return cameraState(camera.main, picture, nowMs.value);
}

/** A word only where something is different from what one expects. */
export function stateWord(state: CameraState, speaker: ReturnType<typeof voice>): string | undefined {
  const words = liveWords.value;
  switch (state.kind) {
    case 'live':
      return undefined;
    case 'late':
      return words.secondsAgo(state.seconds);
    case 'first':
      return words.firstPicture;
    case 'reconnecting':
      return words.reconnecting;
    case 'offline':
      if (absenceOf(state.why) === 'password') {
        return words.wrongPassword;
      }
      return state.sinceMs === undefined
        ? words.offline
        : words.offlineSince(moment(state.sinceMs, nowMs.value, speaker));
    case 'misconfigured':
      return words.misconfigured;
    case 'unplayable':
      return words.notPlayable;
  }
}

/** Why there is no picture, in a sentence. */
export function stateReason(state: CameraState, camera: Camera, words: LiveWords): string | undefined {
  switch (state.kind) {
    case 'offline':
    case 'misconfigured':
      return state.why;
    case 'unplayable':
      return words.notPlayableWhy(videoCodec(smallPath(camera)) ?? '?');
    default:
      return undefined;
  }
}

/** One camera of the grid: its picture, its name, and a word where there is one to say. One link. */
export function Tile({ camera, isLarge }: { readonly camera: Camera; readonly isLarge: boolean }) {
  const item = isLarge ? camera.main : smallPath(camera);
  const player = useLivePlayer({ name: item.name, camera: camera.name, wantsSound: isSoundAlone(item) });
  const speaker = voice();
  const say = liveWords.value;
  const state = stateOf(camera, player);
  const word = stateWord(state, speaker);
  const reason = stateReason(state, camera, say);
  const isStopped = camera.main.recording?.error != null;
  return (
    <a
      class={`tile ${state.kind}`}
      href={cameraLink(camera.name)}
      aria-label={[camera.title, word ?? speaker.words.live, isStopped && say.notRecording].filter(Boolean).join(', ')}
      data-technology={player.view.value.technology}
    >
      <Picture player={player} isOn={canPlay(item)} />
      {isStopped && <span class="chip corner">{say.notRecording}</span>}
      <span class="caption">
        <span class="name">
          <i class="dot" />
          <b>
            <bdi>{camera.title}</bdi>
          </b>
          {word && <span class="word">{word}</span>}
        </span>
        {reason && <span class="why">{reason}</span>}
      </span>
    </a>
  );
}
