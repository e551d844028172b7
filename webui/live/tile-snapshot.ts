import { snapshotOf } from '../player/snapshot.ts';
import type { VideoSurface } from '../player/video-surface.ts';
import { sharePicture } from '../ui/browser/share-picture.ts';

/** A script of its own, because it is seldom used. */
export const shareSnapshot = async (surface: VideoSurface, title: string): Promise<void> =>
  sharePicture(await snapshotOf(surface, title));
