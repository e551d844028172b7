import { useEffect, useRef } from 'preact/hooks';
import { nowMs } from '../shell/page-state.ts';
import type { Camera } from '../cameras/camera.ts';
import { eventWord, stateOf, stateWord } from '../live/tile.tsx';
import type { LivePlayer } from '../player/live-player.ts';
import { voice } from '../words/i18n.ts';
import { Icon } from '../ui/icons/icon.tsx';
import { lazyPart } from '../ui/lazy/lazy-page.tsx';
import { cinemaWords } from '../words/cinema.ts';
import { clockSeconds } from '../words/format.ts';
import { pictureTime } from './picture-time.ts';

const MomentSeen = lazyPart(() => import('./rewind-strip.tsx').then((part) => part.MomentSeen));

interface TitleProps {
  readonly camera: Camera;
  /** What is seen of it. */
  readonly player: LivePlayer;
  /** Looks at what was. */
  readonly isBack: boolean;
  readonly info: boolean;
  readonly onInfo: () => void;
}

/** Whose picture it is, and of when. */
export function CameraTitle({ camera, player, isBack, info, onInfo }: TitleProps) {
  const title = useRef<HTMLHeadingElement>(null);
  // Who comes by a key or hears the page begins here.
  useEffect(() => title.current?.focus({ preventScroll: true }), []);
  return (
    <header class="over">
      <a class="round" href="#/live" aria-label={voice().words.back}>
        <Icon name="back" />
      </a>
      <div class="grow">
        <h1 ref={title} tabIndex={-1}>
          <bdi>{camera.title}</bdi>
        </h1>
        {isBack ? <MomentSeen /> : <State camera={camera} player={player} />}
      </div>
      <button
        class="round"
        type="button"
        aria-label={cinemaWords.value.information}
        aria-expanded={info}
        onClick={onInfo}
      >
        <Icon name="info" />
      </button>
    </header>
  );
}

function State({ camera, player }: Pick<TitleProps, 'camera' | 'player'>) {
  const speaker = voice();
  const state = stateOf(camera, player);
  const time = pictureTime(state, player.stage.lastFrameMs, nowMs.value);
  const when =
    time && ('atMs' in time ? clockSeconds(time.atMs, speaker.language) : cinemaWords.value.secondsAgo(time.ageS));
  return (
    <p class={`state ${state.kind}`}>
      <i class="dot" />
      <span role="status">{stateWord(state, speaker) ?? eventWord(camera) ?? speaker.words.live}</span>
      {when !== undefined && <span class="digits">· {when}</span>}
    </p>
  );
}
