import { atMs } from '../timeline/view.ts';
import { fileName } from './clip.ts';
import { saveFile } from './delivery.ts';

const QUALITY = 0.95;

/** The picture that is played, in its full size, as a file. @returns whether there was one */
export async function savePicture(title: string): Promise<boolean> {
  const video = document.querySelector<HTMLVideoElement>('video.recording');
  const ms = atMs.peek();
  if (!video || video.videoWidth === 0 || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA || ms === undefined) {
    return false;
  }
  const canvas = document.createElement('canvas');
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext('2d')?.drawImage(video, 0, 0);
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/jpeg', QUALITY));
  if (!blob) {
    return false;
  }
  saveFile(new File([blob], fileName(title, ms, 'jpg'), { type: blob.type }));
  return true;
}
