import { useEffect } from 'preact/hooks';
import { Talk } from '../camera-view/talk.tsx';
import { type Camera, readableName } from '../cameras/camera.ts';
import { watchable } from '../cameras/cameras.ts';
import { doorbell } from '../cameras/recent-events.ts';
import { Tile, tilePath, wantsSound } from '../live/tile.tsx';
import { useHandedPlayer } from '../player/picture.tsx';
import { cameraLink, route } from '../shell/route.ts';
import { Button } from '../ui/controls/button.tsx';
import { Sheet } from '../ui/sheet/sheet.tsx';
import { cameraViewWords } from '../words/camera-view.ts';
import { words } from '../words/words.ts';

/** The call ends after this time, in which most visitors leave. */
const SHOWN_MS = 60_000;

const dismiss = (): void => {
  doorbell.value = undefined;
};

/** A doorbell rings: the picture of its camera, and talking. Full screen on a wall. */
export function DoorbellCall({ path, id }: { readonly path: string; readonly id: string }) {
  useEffect(() => {
    const silence = chime();
    // The call stays while the user is talking.
    const timer = setInterval(() => document.querySelector('.talk.open') === null && dismiss(), SHOWN_MS);
    return () => {
      silence();
      clearInterval(timer);
    };
  }, [path, id]);
  const here = route.value;
  const seen = watchable.value;
  const camera = seen?.find((one) => one.name === path || one.sub?.name === path);
  const isHidden = seen !== undefined && camera === undefined;
  // The right to see the camera was taken back.
  useEffect(() => {
    if (isHidden) {
      dismiss();
    }
  }, [isHidden]);
  const title = cameraViewWords.value.bellRings(camera?.title ?? readableName(path));
  if (here.page === 'camera' && here.camera === camera?.name) {
    return (
      <p class="visually-hidden" role="alert">
        {title}
      </p>
    );
  }
  const content = camera && <Door key={camera.name} camera={camera} />;
  if (here.page === 'wall') {
    return (
      <section class="camera-view doorbell" role="alertdialog" aria-label={title}>
        <h2>
          <bdi>{title}</bdi>
        </h2>
        {content}
        <Button onClick={dismiss}>{words.value.close}</Button>
      </section>
    );
  }
  return (
    <Sheet title={title} onClosed={dismiss}>
      <div class="doorbell">{content}</div>
    </Sheet>
  );
}

function Door({ camera }: { readonly camera: Camera }) {
  const { name } = tilePath(camera, true);
  const handed = useHandedPlayer({ name, camera: camera.name, wantsSound: wantsSound(camera, true, false) });
  return (
    <>
      <Tile camera={camera} isAlone handed={{ ...handed, transition: undefined }} isWall />
      <div class="doorbell-actions">
        <Talk name={camera.name} />
        <a class="button" href={cameraLink(camera.name)} onClick={dismiss}>
          {cameraViewWords.value.openCamera}
        </a>
      </div>
    </>
  );
}

/** Two notes, twice. In Hz and seconds. */
const NOTES = [
  [659, 0],
  [523, 0.45],
  [659, 2.2],
  [523, 2.65],
] as const;
const NOTE_S = 1.4;
const LOUDNESS = 0.35;

/** Plays a doorbell. Browsers keep it silent before the first tap or key on the page. @returns stops it */
function chime(): () => void {
  const context = new AudioContext();
  for (const [hertz, atS] of NOTES) {
    const tone = context.createOscillator();
    const volume = context.createGain();
    const fromS = context.currentTime + atS;
    tone.type = 'sine';
    tone.frequency.value = hertz;
    volume.gain.setValueAtTime(0, fromS);
    volume.gain.linearRampToValueAtTime(LOUDNESS, fromS + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.001, fromS + NOTE_S);
    tone.connect(volume).connect(context.destination);
    tone.start(fromS);
    tone.stop(fromS + NOTE_S);
  }
  return () => void context.close();
}
