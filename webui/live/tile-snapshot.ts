import { snapshotOf } from '../player/snapshot.ts';
import type { Stage } from '../player/video-surface.ts';
import { givePicture } from '../ui/browser/share-picture.ts';

/** Has a script of its own: few take a picture out of the grid. */
export const giveSnapshot = async (stage: Stage, title: string): Promise<void> =>
  givePicture(await snapshotOf(stage, title));
