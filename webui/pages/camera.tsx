import { useEffect, useRef, useState } from 'preact/hooks';
import { keepAwake } from '../box/awake.ts';
import { isOwner } from '../box/session.ts';
import { absenceOf } from '../cameras/absence.ts';
import { cameras } from '../cameras/cameras.ts';
import { type Camera, canPlay, hasSound, videoCodec } from '../cameras/pair.ts';
import { hasSmallWindow, toggleSmallWindow } from '../cinema/small-window.ts';
import { Talk } from '../cinema/talk.tsx';
import { Turn } from '../cinema/turn.tsx';
import { usePictureHand } from '../cinema/use-picture-hand.ts';
import { lazyPart } from '../lazy-page.tsx';
import { Ambient } from '../parts/ambient.tsx';
import { goFull } from '../parts/full-screen.ts';
import { Icon, type IconName } from '../parts/icon.tsx';
import { InfoCard } from '../parts/info-card.tsx';
import { NoSuchCamera } from '../parts/notices.tsx';
import { stateOf, stateReason, stateWord } from '../parts/tile.tsx';
import { toast } from '../parts/toast.tsx';
import { voice } from '../parts/voice.ts';
import type { LivePlayer } from '../player/live-player.ts';
import { Picture, useLivePlayer } from '../player/picture.tsx';
import { saveSnapshot } from '../player/snapshot.ts';
import { LIVE, place } from '../route.ts';
import type { LiveWords } from '../words/en/live.ts';
import { liveWords } from '../words/words.ts';
import { type CameraKeys, goToNeighbour, useIdle, useKeys } from './camera-keys.ts';

const Strip = lazyPart(() => import('../cinema/strip.tsx').then((part) => part.Strip));
const PictureFromBefore = lazyPart(() => import('../cinema/strip.tsx').then((part) => part.PictureFromBefore));

/** One camera, large and on black. */
export function CameraPage() {
  const here = place.value;
  const name = here.page === 'camera' ? here.camera : '';
  const all = cameras.value;
  const camera = all?.find((one) => one.name === name);
  if (!all) {
    return <div class="cinema" />;
  }
  return camera ? <Cinema key={name} camera={camera} all={all} /> : <NoSuchCamera />;
}

function Cinema({ camera, all }: { readonly camera: Camera; readonly all: readonly Camera[] }) {
  const [showsSmall, setShowsSmall] = useState(false);
  const [isSoundOn, setSoundOn] = useState(false);
  const [showsInfo, setShowsInfo] = useState(false);
  const [isBack, setBack] = useState(false);
  const item = showsSmall && camera.sub ? camera.sub : camera.main;
  const player = useLivePlayer({ name: item.name, camera: camera.name, wantsSound: hasSound(camera.main) });
  const screen = useRef<HTMLDivElement>(null);
  const isUnplayable = player.view.value.phase === 'unplayable';
  useEffect(() => {
    // The small picture is often H.264 where the large one is H.265.
    if (isUnplayable && camera.sub && !showsSmall) {
      setShowsSmall(true);
    }
  }, [isUnplayable, camera.sub, showsSmall]);
  const keys = {
    sound: () => {
      player.setSound(!isSoundOn && !isBack);
      setSoundOn(!isSoundOn);
    },
    full: () => goFull(screen.current, player.stage.video),
    info: () => setShowsInfo(!showsInfo),
    snapshot: () => void takeSnapshot(player, camera.title),
    small: () => void toggleSmallWindow(player.stage.video),
  };
  useKeys(camera, all, keys);
  // Whoever looks at what was does not hear what is.
  useEffect(() => player.setSound(isSoundOn && !isBack), [player, isBack]);
  useEffect(() => {
    const stop = new AbortController();
    keepAwake(stop.signal);
    return () => stop.abort();
  }, []);
  const glass = useRef<HTMLDivElement>(null);
  const { zoom, hand } = usePictureHand(glass, (to) => {
    if (to === 'back') {
      location.hash = LIVE;
    } else {
      goToNeighbour(
        all.map((one) => one.name),
        camera.name,
        to === 'next' ? 1 : -1,
      );
    }
  });
  // Without a picture to look at, what lies over it stays.
  const isIdle = useIdle() && player.view.value.phase === 'playing';
  return (
    <div class={isIdle ? 'cinema idle' : 'cinema'} ref={screen}>
      <Ambient player={player} />
      <Title camera={camera} player={player} isBack={isBack} info={showsInfo} onInfo={keys.info} />
      <div class="screen" ref={glass} {...hand}>
        <div class="enlarged" style={{ transform: `translate(${zoom.x}px, ${zoom.y}px) scale(${zoom.scale})` }}>
          <Picture player={player} isOn={canPlay(item)} />
          {isBack && <PictureFromBefore name={camera.name} isQuiet={!isSoundOn} />}
        </div>
      </div>
      <Trouble camera={camera} player={player} showsSmall={showsSmall} />
      {showsInfo && <InfoCard camera={camera} player={player} />}
      {camera.main.mayPlayback !== false && <Strip camera={camera} isBack={isBack} onBack={setBack} />}
      {isOwner.value && !isBack && <Turn name={camera.name} />}
      <Actions camera={camera} player={player} isSoundOn={isSoundOn} keys={keys} />
    </div>
  );
}

async function takeSnapshot(player: LivePlayer, title: string): Promise<void> {
  const isSaved = await saveSnapshot(player.stage, title);
  toast(isSaved ? liveWords.peek().pictureSaved : liveWords.peek().noPicture);
}

interface TitleProps {
  readonly camera: Camera;
  readonly player: LivePlayer;
  readonly isBack: boolean;
  readonly info: boolean;
  readonly onInfo: () => void;
}

function Title({ camera, player, isBack, info, onInfo }: TitleProps) {
  const speaker = voice();
  const state = stateOf(camera, player);
  const word = stateWord(state, speaker) ?? speaker.words.live;
  return (
    <header class="over">
      <a class="round" href="#/live" aria-label={speaker.words.back}>
        <Icon name="back" />
      </a>
      <div class="grow">
        <h1>
          <bdi>{camera.title}</bdi>
        </h1>
        {!isBack && (
          <p class={`state ${state.kind}`} role="status">
            <i class="dot" />
            {word}
          </p>
        )}
      </div>
      <button
        class="round"
        type="button"
        aria-label={liveWords.value.information}
        aria-expanded={info}
        onClick={onInfo}
      >
        <Icon name="info" />
      </button>
    </header>
  );
}

function offlineText({ why }: { readonly why?: string }, say: LiveWords): string {
  switch (absenceOf(why)) {
    case 'password':
      return say.offlinePassword;
    case 'refuses':
      return say.offlineRefuses;
    case 'silent':
      return say.offlineSilent;
    case 'unknown':
      return say.offlineText;
  }
}

/** What is wrong, what goes on, what to do: below the picture, which stays. */
function Trouble(props: { readonly camera: Camera; readonly player: LivePlayer; readonly showsSmall: boolean }) {
  const { camera, player, showsSmall } = props;
  const say = liveWords.value;
  const state = stateOf(camera, player);
  const reason = stateReason(state, camera, say);
  const { recording } = camera.main;
  const codec = videoCodec(camera.main) ?? '?';
  const lines: (string | undefined)[] = [];
  if (state.kind === 'offline') {
    lines.push(offlineText(state, say), reason && `${say.whyOffline}: ${reason}`);
  } else if (state.kind === 'misconfigured') {
    lines.push(say.misconfiguredText, reason);
  } else if (state.kind === 'unplayable') {
    lines.push(say.notPlayableWhy(codec), recording?.active ? say.recordingGoesOn : undefined, say.anotherBrowser);
  } else if (showsSmall) {
    lines.push(`${say.notPlayableWhy(codec)} ${say.smallShown}`);
  }
  if (recording?.error) {
    lines.push(say.notRecordingText(recording.error));
  }
  const said = lines.filter((line) => line !== undefined);
  return said.length === 0 ? null : (
    <div class="trouble">
      <h2>
        <bdi>{camera.title}</bdi>
      </h2>
      {said.map((line) => (
        <p key={line}>{line}</p>
      ))}
    </div>
  );
}

interface ActionsProps {
  readonly camera: Camera;
  readonly player: LivePlayer;
  readonly isSoundOn: boolean;
  readonly keys: CameraKeys;
}

/** Below, where the thumb is. */
function Actions({ camera, player, isSoundOn, keys }: ActionsProps) {
  const { soundOn, soundOff, noSound, fullScreen, snapshot, pictureInPicture } = liveWords.value;
  const canHear = hasSound(camera.main);
  const soundName = canHear ? (isSoundOn ? soundOff : soundOn) : noSound;
  return (
    <div class="actions">
      <Action icon={isSoundOn ? 'sound' : 'soundOff'} text={soundName} isOff={!canHear} onPress={keys.sound} />
      <Action icon="snapshot" text={snapshot} onPress={keys.snapshot} />
      <Talk name={camera.name} />
      {hasSmallWindow(player.stage.video) && <Action icon="small" text={pictureInPicture} onPress={keys.small} />}
      <Action icon="full" text={fullScreen} onPress={keys.full} />
    </div>
  );
}

interface ActionProps {
  readonly icon: IconName;
  readonly text: string;
  readonly isOff?: boolean;
  readonly onPress: () => void;
}

const Action = ({ icon, text, isOff = false, onPress }: ActionProps) => (
  <button class="action" type="button" disabled={isOff} onClick={onPress}>
    <Icon name={icon} />
    <span>{text}</span>
  </button>
);
