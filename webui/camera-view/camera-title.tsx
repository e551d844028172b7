import { useEffect, useRef } from 'preact/hooks';
import { mayPlayBack } from '../api-client/recordings/recordings.ts';
import { isOwner, session } from '../api-client/session.ts';
import { type Camera, hasRecordings } from '../cameras/camera.ts';
import type { CameraState } from '../cameras/state.ts';
import { currentEventLabel, stateOf, stateText } from '../live/tile.tsx';
import type { LivePlayer } from '../player/live-player.ts';
import { nowMs } from '../shell/page-state.ts';
import { cameraSettingsLink, eventsLink, recordingsLink } from '../shell/route.ts';
import { Icon } from '../ui/icons/icon.tsx';
import { lazyPart } from '../ui/lazy/lazy-page.tsx';
import { cameraViewWords } from '../words/camera-view.ts';
import { clockSeconds } from '../words/format.ts';
import { i18n } from '../words/i18n.ts';

/** Older ages are shown as a time. */
const COUNTED_S = 99;
const RewindTime = lazyPart(() => import('./rewind-strip.tsx').then((part) => part.RewindTime));

interface TitleProps {
  readonly camera: Camera;
  readonly player: LivePlayer;
  /** The view is rewound. */
  readonly isRewound: boolean;
  readonly info: boolean;
  readonly onInfo: () => void;
}

export function CameraTitle({ camera, player, isRewound, info, onInfo }: TitleProps) {
  const title = useRef<HTMLHeadingElement>(null);
  // Focus for keyboards and screen readers.
  useEffect(() => title.current?.focus({ preventScroll: true }), []);
  return (
    <header class="over">
      <a class="round" href="#/live" aria-label={i18n().words.back}>
        <Icon name="back" />
      </a>
      <div class="grow">
        <h1 ref={title} tabIndex={-1}>
          <bdi>{camera.title}</bdi>
        </h1>
        {isRewound ? <RewindTime /> : <State camera={camera} player={player} />}
      </div>
      {session.value?.role !== 'guest' && mayPlayBack(camera.name) && (
        <Place icon="events" link={eventsLink(camera.name)} />
      )}
      {hasRecordings(camera) && <Place icon="recordings" link={recordingsLink(camera.name)} />}
      {isOwner.value && <Place icon="settings" link={cameraSettingsLink(camera.name)} />}
      <button
        class="round"
        type="button"
        aria-label={cameraViewWords.value.information}
        aria-expanded={info}
        onClick={onInfo}
      >
        <Icon name="info" />
      </button>
    </header>
  );
}

/** Links to the same camera on another page. */
const Place = ({ icon, link }: { readonly icon: 'events' | 'recordings' | 'settings'; readonly link: string }) => (
  <a class="round" href={link} aria-label={i18n().words[icon]}>
    <Icon name={icon} />
  </a>
);

function State({ camera, player }: Pick<TitleProps, 'camera' | 'player'>) {
  const intl = i18n();
  const state = stateOf(camera, player);
  const time = pictureTime(state, player.surface.lastFrameMs, nowMs.value);
  const when =
    time && ('atMs' in time ? clockSeconds(time.atMs, intl.language) : cameraViewWords.value.secondsAgo(time.ageS));
  return (
    <p class={`state ${state.kind}`}>
      <i class="dot" />
      <span role="status">{stateText(state, intl) ?? currentEventLabel(camera) ?? intl.words.live}</span>
      {when !== undefined && <span class="digits">· {when}</span>}
    </p>
  );
}

/** Time of the picture in Unix milliseconds, and its age if it has stopped. Undefined without a live picture. */
export function pictureTime(
  { kind }: CameraState,
  lastFrameMs: number,
  nowMs: number,
): { readonly atMs: number } | { readonly ageS: number } | undefined {
  if (lastFrameMs === 0) {
    return undefined;
  }
  const ageS = Math.floor((nowMs - lastFrameMs) / 1000);
  switch (kind) {
    case 'reconnecting':
      return ageS > COUNTED_S ? { atMs: lastFrameMs } : { ageS };
    case 'live':
    case 'late':
      return { atMs: lastFrameMs };
    default:
      return undefined;
  }
}
