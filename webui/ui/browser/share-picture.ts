import { cameraViewWords } from '../../words/camera-view.ts';
import { toast } from '../feedback/toast.tsx';
import { saveFile } from './save-file.ts';

/** Shares a picture on phones, else downloads it. */
export async function sharePicture(picture: File | undefined): Promise<void> {
  if (!picture) {
    toast(cameraViewWords.peek().noPicture);
  } else if (!(await wasShared(picture))) {
    saveFile(picture);
    toast(cameraViewWords.peek().pictureSaved);
  }
}

/** Desktop share sheets are skipped: people look into the download folder. Sharing needs https. */
async function wasShared(picture: File): Promise<boolean> {
  const files = [picture];
  if (!matchMedia('(pointer: coarse)').matches || !navigator.canShare?.({ files })) {
    return false;
  }
  try {
    await navigator.share({ files });
    return true;
  } catch (error) {
    // Cancelled by the user.
    return error instanceof DOMException && error.name === 'AbortError';
  }
}
