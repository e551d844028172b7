import { mayPlayBack } from '../api-client/recordings/recordings.ts';
import { cameraTitle } from '../cameras/camera-title.ts';
import { cameras } from '../cameras/cameras.ts';
import { SearchedChoice } from '../ui/lists/searched-choice.tsx';
import { clipWords } from '../words/clips.ts';
import { recordingsWords } from '../words/recordings.ts';

interface CameraChoiceProps {
  /** Undefined: all cameras. */
  readonly path: string | undefined;
  /** @param camera empty: of all cameras */
  readonly linkTo: (camera: string) => string;
}

/** Filter of a list by camera; absent with one camera. */
export function CameraChoice({ path, linkTo }: CameraChoiceProps) {
  const listed = (cameras.value ?? []).filter(({ name }) => mayPlayBack(name));
  const isListed = path === undefined || listed.some(({ name }) => name === path);
  const all = isListed ? listed : [{ name: path, title: cameraTitle(path) }, ...listed];
  if (all.length < 2 && path === undefined) {
    return null;
  }
  return (
    <SearchedChoice
      class="chip"
      label={recordingsWords.value.camera}
      value={path ?? ''}
      options={[
        { value: '', text: clipWords.value.allCameras },
        ...all.map(({ name, title }) => ({ value: name, text: title })),
      ]}
      onChange={(name) => {
        location.hash = linkTo(name);
      }}
    />
  );
}
