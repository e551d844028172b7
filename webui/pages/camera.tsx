import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { isOwner } from '../api-client/session.ts';
import { CameraTitle } from '../camera-view/camera-title.tsx';
import { CameraTrouble } from '../camera-view/camera-trouble.tsx';
import { usePictureGestures } from '../camera-view/picture-gestures.ts';
import { isZoomed, resetZoom, zoom } from '../camera-view/picture-zoom.ts';
import { PtzControls } from '../camera-view/ptz-controls.tsx';
import { Talk } from '../camera-view/talk.tsx';
import { centerOn, centersOnTap } from '../camera-view/tap-to-center.ts';
import { type Camera, canPlay, hasRecordings, hasSound } from '../cameras/camera.ts';
import { cameras } from '../cameras/cameras.ts';
import { InfoCard } from '../live/info-card.tsx';
import { NoSuchCamera } from '../live/notices.tsx';
import { useRemovedCameraToast } from '../live/removed-camera.ts';
import { PrivacySign, stateOf } from '../live/tile.tsx';
import type { LivePlayer } from '../player/live-player.ts';
import { HandedPicture, useHandedPlayer } from '../player/picture.tsx';
import { snapshotOf } from '../player/snapshot.ts';
import { LIVE, route } from '../shell/route.ts';
import { toggleFullScreen } from '../ui/browser/full-screen.ts';
import { sharePicture } from '../ui/browser/share-picture.ts';
import { keepScreenAwake } from '../ui/browser/wake-lock.ts';
import { toast } from '../ui/feedback/toast.tsx';
import { Icon, type IconName } from '../ui/icons/icon.tsx';
import { lazyPart } from '../ui/lazy/lazy-page.tsx';
import { Popup } from '../ui/sheet/popup.tsx';
import { cameraViewWords } from '../words/camera-view.ts';
import { liveWords } from '../words/words.ts';
import { type CameraShortcuts, openNeighbour, useIdle, useKeys } from './camera-shortcuts.ts';

const Strip = lazyPart(() => import('../camera-view/rewind-strip.tsx').then((part) => part.RewindStrip));
const Keys = lazyPart(() => import('./keyboard-help.tsx').then((part) => part.CameraKeysSheet));
const RewindPicture = lazyPart(() => import('../camera-view/rewind-strip.tsx').then((part) => part.RewindPicture));

/** One camera on black. */
export function CameraPage() {
  const here = route.value;
  const name = here.page === 'camera' ? here.camera : '';
  const all = cameras.value;
  const camera = all?.find((one) => one.name === name);
  useRemovedCameraToast();
  if (!all) {
    return <div class="camera-view" />;
  }
  return camera ? <Cinema key={name} camera={camera} all={all} /> : <NoSuchCamera />;
}

function Cinema({ camera, all }: { readonly camera: Camera; readonly all: readonly Camera[] }) {
  const [showsSmall, setShowsSmall] = useState(false);
  const [isSoundOn, setSoundOn] = useState(false);
  const [showsInfo, setShowsInfo] = useState(false);
  const [showsKeys, setShowsKeys] = useState(false);
  const [isRewound, setBack] = useState(false);
  const [quality, setQuality] = useState<Quality>(keptQuality);
  const isSmall = quality === 'small' || (quality === 'auto' && showsSmall);
  const item = isSmall && camera.sub ? camera.sub : camera.main;
  const handed = useHandedPlayer({ name: item.name, camera: camera.name, wantsSound: hasSound(camera.main) });
  const { player } = handed;
  const seen = handed.bridge ?? player;
  const screen = useRef<HTMLDivElement>(null);
  const isUnplayable = player.view.value.phase === 'unplayable';
  useEffect(() => {
    // The sub stream is often H.264 where the main stream is H.265.
    if (isUnplayable && camera.sub && !showsSmall) {
      setShowsSmall(true);
    }
  }, [isUnplayable, camera.sub, showsSmall]);
  const keys = {
    sound: () => {
      player.setSound(!isSoundOn && !isRewound);
      setSoundOn(!isSoundOn);
    },
    full: () => toggleFullScreen(screen.current, seen.surface.video),
    info: () => setShowsInfo(!showsInfo),
    snapshot: () =>
      camera.main.privacy && !isRewound
        ? toast(liveWords.peek().noPicture)
        : void takeSnapshot(seen, camera.title, isRewound),
    small: () => void togglePictureInPicture(player.surface.video),
    help: () => setShowsKeys(true),
    back: () => {
      if (showsInfo) {
        setShowsInfo(false);
      } else if (centersOnTap.peek()) {
        centersOnTap.value = false;
      } else if (isZoomed()) {
        resetZoom();
      } else {
        location.hash = LIVE;
      }
    },
  };
  useKeys(camera, all, keys);
  // Muted while rewound.
  useEffect(() => player.setSound(isSoundOn && !isRewound), [player, isRewound]);
  useEffect(() => {
    const stop = new AbortController();
    keepScreenAwake(stop.signal);
    return () => stop.abort();
  }, []);
  const glass = useRef<HTMLDivElement>(null);
  const hand = usePictureGestures(glass, {
    onSwipe: (to) => {
      if (to === 'back') {
        location.hash = LIVE;
      } else {
        const names = all.map((one) => one.name);
        openNeighbour(names, camera.name, to === 'next' ? 1 : -1);
      }
    },
    onTap: (at) => {
      if (isRewound) {
        void import('../camera-view/rewind-strip.tsx').then(({ togglePlaying }) => togglePlaying());
      } else if (centersOnTap.peek()) {
        centerOn(camera.name, seen.surface.bounds(), at);
        return true;
      }
      return false;
    },
  });
  const { x, y, scale } = zoom.value;
  const isPrivate = camera.main.privacy;
  const { box } = camera.main;
  const mayTurn = (isOwner.value || camera.main.mayTurn === true) && box?.turn !== false;
  const maySwitch = (isOwner.value || camera.main.maySwitch === true) && box?.switch !== false;
  // Without video the controls stay.
  const isIdle = useIdle() && seen.view.value.phase === 'playing';
  return (
    <div class={isIdle ? 'camera-view idle' : 'camera-view'} ref={screen}>
      {!isPrivate && <Ambient player={seen} />}
      <CameraTitle camera={camera} player={seen} isRewound={isRewound} info={showsInfo} onInfo={keys.info} />
      <div class={`screen ${stateOf(camera, seen).kind}${centersOnTap.value ? ' centers' : ''}`} ref={glass} {...hand}>
        {isPrivate && !isRewound && <PrivacySign />}
        <div class="enlarged" style={{ transform: `translate(${x}px, ${y}px) scale(${scale})` }}>
          <HandedPicture {...handed} isOn={canPlay(item)} />
          {isRewound && <RewindPicture name={camera.name} isQuiet={!isSoundOn} />}
        </div>
      </div>
      <CameraTrouble camera={camera} player={player} showsSmall={quality === 'auto' && showsSmall} />
      {showsInfo && <InfoCard camera={camera} player={seen} />}
      {hasRecordings(camera) && (
        <div class="rewind">
          <Strip camera={camera} isRewound={isRewound} onRewind={setBack} />
        </div>
      )}
      {(mayTurn || maySwitch) && !isRewound && canPlay(camera.main) && (
        <PtzControls name={camera.name} mayTurn={mayTurn} maySwitch={maySwitch} isOwn={isOwner.value && !box} />
      )}
      {all.length > 1 && <Neighbours all={all} name={camera.name} />}
      <Actions camera={camera} player={player} isSoundOn={isSoundOn} keys={keys}>
        {camera.sub && (
          <QualityChoice
            quality={quality}
            onChoose={(chosen) => {
              localStorage.setItem(QUALITY_KEY, chosen);
              setQuality(chosen);
            }}
          />
        )}
      </Actions>
      {showsKeys && <Keys camera={camera} onClosed={() => setShowsKeys(false)} />}
    </div>
  );
}

const QUALITIES = ['auto', 'large', 'small'] as const;
type Quality = (typeof QUALITIES)[number];
const QUALITY_KEY = 'perch-quality';

const keptQuality = (): Quality => QUALITIES.find((one) => one === localStorage.getItem(QUALITY_KEY)) ?? 'auto';

interface QualityProps {
  readonly quality: Quality;
  readonly onChoose: (quality: Quality) => void;
}

/** Which of the camera's two streams plays. `auto`: the large one, if the browser plays it. */
function QualityChoice({ quality, onChoose }: QualityProps) {
  const t = cameraViewWords.value;
  const [isOpen, setOpen] = useState(false);
  const texts = { auto: t.qualityAuto, large: t.qualityLarge, small: t.qualitySmall };
  return (
    <div class="arrange quality">
      <button
        class="action"
        type="button"
        aria-haspopup="menu"
        aria-expanded={isOpen}
        onPointerDown={(event) => isOpen && event.stopPropagation()}
        onClick={() => setOpen(!isOpen)}
      >
        <Icon name="settings" />
        <span>{t.quality}</span>
      </button>
      {isOpen && (
        <Popup
          label={t.quality}
          items={QUALITIES.map((one) => ({
            text: texts[one],
            isChosen: one === quality,
            onChoose: () => onChoose(one),
          }))}
          onClose={() => setOpen(false)}
        />
      )}
    </div>
  );
}

interface NeighboursProps {
  readonly all: readonly Camera[];
  readonly name: string;
}

function Neighbours({ all, name }: NeighboursProps) {
  const t = cameraViewWords.value;
  const names = all.map((one) => one.name);
  const isDown = useRef(false);
  const open = (by: -1 | 1) => (event: MouseEvent) => {
    // The tap that shows the buttons began on the picture. Keys click without a pointer.
    if (isDown.current || event.detail === 0) {
      openNeighbour(names, name, by);
    }
    isDown.current = false;
  };
  return (
    <div
      class="neighbours"
      onPointerDown={() => {
        isDown.current = true;
      }}
    >
      <button class="round" type="button" aria-label={t.previousCamera} onClick={open(-1)}>
        <Icon name="back" />
      </button>
      <button class="round" type="button" aria-label={t.nextCamera} onClick={open(1)}>
        <Icon name="go" />
      </button>
    </div>
  );
}

/** Time of the picture. */
async function takeSnapshot(player: LivePlayer, title: string, isRewound: boolean): Promise<void> {
  const take = isRewound
    ? import('../clips/snapshot-button.tsx').then(({ recordedSnapshot }) => recordedSnapshot(title))
    : snapshotOf(player.surface, title);
  await sharePicture(await take);
}

interface ActionsProps {
  readonly camera: Camera;
  readonly player: LivePlayer;
  readonly isSoundOn: boolean;
  readonly keys: CameraShortcuts;
  readonly children: ComponentChildren;
}

/** At the bottom, within reach of the thumb. */
function Actions({ camera, player, isSoundOn, keys, children }: ActionsProps) {
  const { soundOn, soundOff, noSound, fullScreen, snapshot, pictureInPicture } = cameraViewWords.value;
  const canHear = hasSound(camera.main);
  const soundName = canHear ? (isSoundOn ? soundOff : soundOn) : noSound;
  return (
    <div class="actions">
      <Action icon={isSoundOn ? 'sound' : 'soundOff'} text={soundName} isOff={!canHear} onPress={keys.sound} />
      <Action icon="snapshot" text={snapshot} onPress={keys.snapshot} />
      <Talk name={camera.name} />
      {supportsPictureInPicture(player.surface.video) && (
        <Action icon="small" text={pictureInPicture} onPress={keys.small} />
      )}
      {children}
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

interface SafariVideo extends HTMLVideoElement {
  readonly webkitSupportsPresentationMode?: (mode: string) => boolean;
  readonly webkitPresentationMode?: string;
  readonly webkitSetPresentationMode?: (mode: string) => void;
}

const supportsPictureInPicture = (video: SafariVideo): boolean =>
  document.pictureInPictureEnabled || video.webkitSupportsPresentationMode?.('picture-in-picture') === true;

async function togglePictureInPicture(video: SafariVideo): Promise<void> {
  if (document.pictureInPictureElement) {
    await document.exitPictureInPicture();
  } else if (document.pictureInPictureEnabled) {
    // There is no video yet.
    await video.requestPictureInPicture().catch(() => {});
  } else {
    const isSmall = video.webkitPresentationMode === 'picture-in-picture';
    video.webkitSetPresentationMode?.(isSmall ? 'inline' : 'picture-in-picture');
  }
}

const WIDTH_PX = 32;
const HEIGHT_PX = 18;
const CHANGE_MS = 10_000;
/** Until the first frame. */
const POLL_MS = 500;

/** The picture's colours behind it: a still of 32 × 18, updated every ten seconds. */
function Ambient({ player }: { readonly player: LivePlayer }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    const draw = () => {
      const context = canvas.current?.getContext('2d');
      const hasDrawn = context ? player.surface.drawTo(context, WIDTH_PX, HEIGHT_PX) : false;
      timer = setTimeout(draw, hasDrawn ? CHANGE_MS : POLL_MS);
    };
    draw();
    return () => clearTimeout(timer);
  }, [player]);
  return <canvas class="ambient" width={WIDTH_PX} height={HEIGHT_PX} ref={canvas} />;
}
