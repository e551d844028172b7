import { cameras, maySeeRecordings } from '../cameras/cameras.ts';
import { Empty } from '../live/notices.tsx';
import { cameraLink } from '../shell/route.ts';
import { recordingsWords } from '../words/recordings.ts';

/** Whether this person may see no recordings of the camera, or of any. */
export const isLiveOnly = (name: string | undefined): boolean =>
  !maySeeRecordings.value || cameraOf(name)?.main.mayPlayback === false;

const cameraOf = (name: string | undefined) => cameras.value?.find((one) => one.name === name);

/** The link is from a user with more permissions. */
export function LiveOnly({ name }: { readonly name: string | undefined }) {
  const t = recordingsWords.value;
  const camera = cameraOf(name);
  return (
    <Empty title={camera ? t.cameraLiveOnly : t.liveOnly} text={t.liveOnlyText}>
      <a class="button main" href={camera ? cameraLink(camera.name) : '#/live'}>
        {t.goLive}
      </a>
    </Empty>
  );
}
