import { signal } from '@preact/signals';
import { isOwner } from '../api-client/session.ts';
import { type Camera, canPlay, hasSound, isSoundAlone, smallPath, videoCodec } from '../cameras/camera.ts';
import { isUrgent, shortEventLabel } from '../cameras/event-kinds.ts';
import { offlineReasonOf } from '../cameras/offline-reason.ts';
import { recentEvents } from '../cameras/recent-events.ts';
import { type CameraState, cameraState } from '../cameras/state.ts';
import type { LivePlayer } from '../player/live-player.ts';
import { HandedPicture, type HandedPlayer, useSavedStill } from '../player/picture.tsx';
import { nowMs } from '../shell/page-state.ts';
import { cameraLink, cameraSettingsLink } from '../shell/route.ts';
import { Icon } from '../ui/icons/icon.tsx';
import type { LiveWords } from '../words/en/live.ts';
import { moment } from '../words/format.ts';
import { i18n } from '../words/i18n.ts';
import { MINUTE_MS } from '../words/units.ts';
import { liveWords } from '../words/words.ts';

/** State of the camera, from the box and the player. */
export function stateOf(camera: Camera, player: LivePlayer): CameraState {
  const { lastFrameMs, stillMs } = player.surface;
  const { phase, technology } = player.view.value;
  const isBuffered = technology !== undefined && technology !== 'WebRTC';
  const picture = { phase, lastFrameMs, stillMs, isBuffered };
  return cameraState(camera.main, picture, nowMs.value);
}

/** Text for states that differ from live. */
export function stateText(state: CameraState, intl: ReturnType<typeof i18n>): string | undefined {
  const words = liveWords.value;
  const when = (ms: number) => moment(ms, nowMs.value, intl);
  switch (state.kind) {
    case 'live':
      return undefined;
    case 'late':
      return words.secondsAgo(state.seconds);
    case 'past':
      return nowMs.value - state.atMs < MINUTE_MS
        ? words.secondsAgo(Math.floor((nowMs.value - state.atMs) / 1000))
        : when(state.atMs);
    case 'joining':
      return words.connecting;
    case 'first':
      return words.firstPicture;
    case 'reconnecting':
      return words.reconnecting;
    case 'private':
      return words.privacy;
    case 'paused':
      return state.untilMs === undefined ? words.paused : words.pausedUntil(when(state.untilMs));
    case 'offline':
      if (needsPassword(state)) {
        return words.wrongPassword;
      }
      return state.sinceMs === undefined ? words.offline : words.offlineSince(when(state.sinceMs));
    case 'misconfigured':
      return words.misconfigured;
    case 'unplayable':
      return words.notPlayable;
  }
}

/** Why there is no video. */
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

/** Instead of the picture. */
export const PrivacySign = () => (
  <span class="sign">
    <Icon name="eyeOff" />
  </span>
);

const needsPassword = (state: CameraState): boolean =>
  state.kind === 'offline' && offlineReasonOf(state.word) === 'password';

/** The remedy, to which the tile links. */
function nextStep(state: CameraState, { name }: Camera): { readonly link: string; readonly step?: string } {
  const words = liveWords.value;
  if (needsPassword(state) && isOwner.value) {
    return { link: cameraSettingsLink(name), step: words.enterAgain };
  }
  const isTrouble = state.kind === 'offline' || state.kind === 'misconfigured' || state.kind === 'unplayable';
  return { link: cameraLink(name), ...(isTrouble ? { step: words.why } : {}) };
}

const currentEvent = ({ name }: Camera): string | undefined => recentEvents.value.rings.at(name, nowMs.value);

/** `Doorbell`, for ten seconds. Unknown types are shown as they are. */
export function currentEventLabel(camera: Camera): string | undefined {
  const type = currentEvent(camera);
  return type === undefined ? undefined : shortEventLabel(type);
}

/** Path of a tile; the main stream only in a single column. */
export const tilePath = (camera: Camera, isAlone: boolean) => (isAlone ? camera.main : smallPath(camera));

/** Attributes of each link while the owner can move the tiles. */
export const tileKeys = signal<object | undefined>(undefined);

interface TileProps {
  readonly camera: Camera;
  readonly isAlone: boolean;
  readonly handed: HandedPlayer;
  /** Without a link. */
  readonly isWall?: boolean;
}

/** A tile: picture, name and state in one link. */
export function Tile({ camera, isAlone, handed, isWall = false }: TileProps) {
  const { player, bridge } = handed;
  const intl = i18n();
  const t = liveWords.value;
  const state = stateOf(camera, bridge ?? player);
  const seen = state.kind === 'live' || state.kind === 'late' ? currentEventLabel(camera) : undefined;
  // The stored picture is recent enough to show no state.
  const isComing = state.kind === 'first' && player.surface.hasStill;
  const word = isComing ? undefined : (stateText(state, intl) ?? seen);
  const isStopped = camera.main.recording?.error != null;
  const { link, step } = nextStep(state, camera);
  useSavedStill(player, camera.name);
  const content = (
    <>
      <HandedPicture {...handed} isOn={canPlay(tilePath(camera, isAlone))} />
      {state.kind === 'private' && <PrivacySign />}
      <span class="caption">
        <span class="name">
          <i class="dot" />
          <b>
            <bdi>{camera.title}</bdi>
          </b>{' '}
          {word && <span class="word">{word}</span>}
        </span>{' '}
        {step && !isWall && <span class="step">{step}</span>}
      </span>{' '}
      {isStopped && <span class="chip corner">{t.notRecording}</span>}
    </>
  );
  const looks = {
    class: `tile ${state.kind}${seen !== undefined && isUrgent(currentEvent(camera) ?? '') ? ' seen' : ''}`,
    // The visible text in its order, as WCAG's label in name requires.
    'aria-label': [camera.title, word, step, isStopped && t.notRecording, !word && intl.words.live]
      .filter(Boolean)
      .join(', '),
    'data-technology': player.view.value.technology,
  };
  return isWall ? (
    <div role="img" {...looks}>
      {content}
    </div>
  ) : (
    <a href={link} {...looks} {...tileKeys.value}>
      {content}
    </a>
  );
}

/** A sub stream requests audio only when it is on; a main stream keeps its audio. */
export function wantsSound(camera: Camera, isAlone: boolean, isHeard: boolean): boolean {
  const path = tilePath(camera, isAlone);
  return isHeard || isSoundAlone(path) || (path === camera.main && hasSound(path));
}
