import { useEffect, useState } from 'preact/hooks';
import { encodeName } from '../api-client/urls.ts';
import { type Camera, canPlay, smallPath } from '../cameras/camera.ts';
import { Picture, useLivePlayer } from '../player/picture.tsx';
import { PrivacySign } from './tile.tsx';

/** A picture of the page this young is not asked for again. */
const YOUNG_MS = 30_000;

/** Plays until the first frame, which stays. Dark for a removed camera. */
export function CameraThumbnail({ camera }: { readonly camera: Camera | undefined }) {
  return (
    <span class={camera && canPlay(camera.main) ? 'camera-thumbnail' : 'camera-thumbnail away'} aria-hidden="true">
      {camera?.main.privacy ? <PrivacySign /> : camera && <Still camera={camera} />}
    </span>
  );
}

function Still({ camera }: { readonly camera: Camera }) {
  const item = smallPath(camera);
  const player = useLivePlayer({ name: item.name, camera: camera.name, wantsSound: false });
  const isYoung = () => Math.abs(Date.now() - player.surface.stillMs) < YOUNG_MS;
  const [shown, setShown] = useState<'playing' | 'unplayable' | undefined>(() => (isYoung() ? 'playing' : undefined));
  const { phase } = player.view.value;
  useEffect(() => {
    if (phase === 'playing' || phase === 'unplayable') {
      setShown(phase);
    }
  }, [phase]);
  // The box decodes what this browser does not. Its player stops then.
  return shown === 'unplayable' ? (
    <img src={`playback/${encodeName(item.name)}/picture.jpg?width=320`} alt="" loading="lazy" />
  ) : (
    <Picture player={player} isOn={canPlay(item) && shown === undefined} />
  );
}
