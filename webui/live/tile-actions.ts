import { fetchJson } from '../api-client/request.ts';
import { snapshotOf } from '../player/snapshot.ts';
import type { VideoSurface } from '../player/video-surface.ts';
import { sharePicture } from '../ui/browser/share-picture.ts';
import { toast } from '../ui/feedback/toast.tsx';
import { attempt } from '../ui/feedback/toast-failure.ts';
import { liveWords } from '../words/words.ts';

/** A script of its own, because the menu of a tile is seldom used. */
export const shareSnapshot = async (surface: VideoSurface, title: string): Promise<void> =>
  sharePicture(await snapshotOf(surface, title));

interface Pausing {
  readonly name: string;
  readonly title: string;
  readonly isPaused: boolean;
}

/** Pauses or resumes a camera, with a message that can undo it. */
export async function setPaused({ name, title, isPaused }: Pausing): Promise<void> {
  await attempt(async () => {
    await fetchJson(`v3/cameras/patch/${encodeURIComponent(name)}`, { method: 'PATCH', body: { paused: isPaused } });
    const { isPaused: isPausedNow, goesOn } = liveWords.peek();
    toast(isPaused ? isPausedNow(title) : goesOn(title), () => void setPaused({ name, title, isPaused: !isPaused }));
  });
}
