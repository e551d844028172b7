import { snapshotOf } from '../player/snapshot.ts';
import type { VideoSurface } from '../player/video-surface.ts';
import { sharePicture } from '../ui/browser/share-picture.ts';

/** Has a script of its own: few take a picture out of the grid. */
export const giveSnapshot = async (surface: VideoSurface, title: string): Promise<void> =>
  sharePicture(await snapshotOf(surface, title));
