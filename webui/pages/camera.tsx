import { useEffect, useRef, useState } from 'preact/hooks';
import { keepAwake } from '../ui/browser/wake-lock.ts';
import { isOwner } from '../api-client/session.ts';
import { cameras } from '../cameras/cameras.ts';
import { type Camera, canPlay, hasSound } from '../cameras/camera.ts';
import { CameraTitle } from '../camera-view/camera-title.tsx';
import { CameraTrouble } from '../camera-view/camera-trouble.tsx';
import { isEnlarged, showWhole, zoom } from '../camera-view/enlarged.ts';
import { hasSmallWindow, toggleSmallWindow } from '../camera-view/picture-in-picture.ts';
import { Talk } from '../camera-view/talk.tsx';
import { Turn } from '../camera-view/ptz-controls.tsx';
import { usePictureHand } from '../camera-view/picture-gestures.ts';
import { Ambient } from '../live/ambient.tsx';
import { InfoCard } from '../live/info-card.tsx';
import { NoSuchCamera } from '../live/notices.tsx';
import { stateOf } from '../live/tile.tsx';
import { useGone } from '../live/removed-camera.ts';
import type { LivePlayer } from '../player/live-player.ts';
import { HandedPicture, useHandedPlayer } from '../player/picture.tsx';
import { snapshotOf } from '../player/snapshot.ts';
import { LIVE, place } from '../shell/route.ts';
import { goFull } from '../ui/browser/full-screen.ts';
import { givePicture } from '../ui/browser/share-picture.ts';
import { Icon, type IconName } from '../ui/icons/icon.tsx';
import { lazyPart } from '../ui/lazy/lazy-page.tsx';
import { cinemaWords } from '../words/cinema.ts';
import { type CameraKeys, goToNeighbour, useIdle, useKeys } from './camera-shortcuts.ts';

const Strip = lazyPart(() => import('../camera-view/rewind-strip.tsx').then((part) => part.Strip));
const Keys = lazyPart(() => import('./keyboard-help.tsx').then((part) => part.CameraKeysSheet));
const PictureFromBefore = lazyPart(() => import('../camera-view/rewind-strip.tsx').then((part) => part.PictureFromBefore));

/** One camera, large and on black. */
export function CameraPage() {
  const here = place.value;
  const name = here.page === 'camera' ? here.camera : '';
  const all = cameras.value;
  const camera = all?.find((one) => one.name === name);
  useGone();
  if (!all) {
    return <div class="cinema" />;
  }
  return camera ? <Cinema key={name} camera={camera} all={all} /> : <NoSuchCamera />;
}

function Cinema({ camera, all }: { readonly camera: Camera; readonly all: readonly Camera[] }) {
  const [showsSmall, setShowsSmall] = useState(false);
  const [isSoundOn, setSoundOn] = useState(false);
  const [showsInfo, setShowsInfo] = useState(false);
  const [showsKeys, setShowsKeys] = useState(false);
  const [isBack, setBack] = useState(false);
  const item = showsSmall && camera.sub ? camera.sub : camera.main;
  const handed = useHandedPlayer({ name: item.name, camera: camera.name, wantsSound: hasSound(camera.main) });
  const { player } = handed;
  const seen = handed.bridge ?? player;
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
    full: () => goFull(screen.current, seen.stage.video),
    info: () => setShowsInfo(!showsInfo),
    snapshot: () => void takeSnapshot(seen, camera.title, isBack),
    small: () => void toggleSmallWindow(player.stage.video),
    help: () => setShowsKeys(true),
    back: () => {
      if (isEnlarged()) {
        showWhole();
      } else {
        location.hash = LIVE;
      }
    },
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
  const hand = usePictureHand(glass, {
    onSwipe: (to) => {
      if (to === 'back') {
        location.hash = LIVE;
      } else {
        const names = all.map((one) => one.name);
        goToNeighbour(names, camera.name, to === 'next' ? 1 : -1);
      }
    },
    onTap: () => isBack && import('../camera-view/rewind-strip.tsx').then(({ haltOrGoOn }) => haltOrGoOn()),
  });
  const { x, y, scale } = zoom.value;
  // Without a picture to look at, what lies over it stays.
  const isIdle = useIdle() && seen.view.value.phase === 'playing';
  return (
    <div class={isIdle ? 'cinema idle' : 'cinema'} ref={screen}>
      <Ambient player={seen} />
      <CameraTitle camera={camera} player={seen} isBack={isBack} info={showsInfo} onInfo={keys.info} />
      <div class={`screen ${stateOf(camera, seen).kind}`} ref={glass} {...hand}>
        <div class="enlarged" style={{ transform: `translate(${x}px, ${y}px) scale(${scale})` }}>
          <HandedPicture {...handed} isOn={canPlay(item)} />
          {isBack && <PictureFromBefore name={camera.name} isQuiet={!isSoundOn} />}
        </div>
      </div>
      <CameraTrouble camera={camera} player={player} showsSmall={showsSmall} />
      {showsInfo && <InfoCard camera={camera} player={seen} />}
      {camera.main.mayPlayback !== false && camera.main.recording !== null && (
        <div class="rewind">
          <Strip camera={camera} isBack={isBack} onBack={setBack} />
        </div>
      )}
      {isOwner.value && !isBack && canPlay(camera.main) && <Turn name={camera.name} />}
      <Actions camera={camera} player={player} isSoundOn={isSoundOn} keys={keys} />
      {showsKeys && <Keys camera={camera} onClosed={() => setShowsKeys(false)} />}
    </div>
  );
}

/** Of the moment that is looked at. */
async function takeSnapshot(player: LivePlayer, title: string, isBack: boolean): Promise<void> {
  const take = isBack
    ? import('../clips/snapshot.ts').then(({ takePicture }) => takePicture(title))
    : snapshotOf(player.stage, title);
  await givePicture(await take);
}

interface ActionsProps {
  readonly camera: Camera;
  readonly player: LivePlayer;
  readonly isSoundOn: boolean;
  readonly keys: CameraKeys;
}

/** Below, where the thumb is. */
function Actions({ camera, player, isSoundOn, keys }: ActionsProps) {
  const { soundOn, soundOff, noSound, fullScreen, snapshot, pictureInPicture } = cinemaWords.value;
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
