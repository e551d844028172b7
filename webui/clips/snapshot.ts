import { pictureOf, snapshotName } from '../player/snapshot.ts';
import { atMs } from '../timeline/view.ts';

/** The picture that is played, in its full size, named after its moment. Undefined when there is none. */
export async function takePicture(title: string): Promise<File | undefined> {
  const video = document.querySelector<HTMLVideoElement>('video.recording');
  const ms = atMs.peek();
  return video && ms !== undefined ? await pictureOf(video, snapshotName(title, new Date(ms))) : undefined;
}
