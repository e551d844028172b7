import { pictureOf, snapshotName } from '../player/snapshot.ts';
import { atMs } from '../timeline/view.ts';
import { sharePicture } from '../ui/browser/share-picture.ts';
import { Icon } from '../ui/icons/icon.tsx';
import { liveWords } from '../words/words.ts';

export function SnapshotButton({ title }: { readonly title: string }) {
  return (
    <button
      class="round"
      type="button"
      aria-label={liveWords.value.snapshot}
      onClick={async () => sharePicture(await recordedSnapshot(title))}
    >
      <Icon name="snapshot" />
    </button>
  );
}

/** The current frame at full resolution, named by its time. Undefined without video. */
export async function recordedSnapshot(title: string): Promise<File | undefined> {
  const video = document.querySelector<HTMLVideoElement>('video.recording');
  const ms = atMs.peek();
  return video && ms !== undefined ? await pictureOf(video, snapshotName(title, new Date(ms))) : undefined;
}
