import { cameraViewWords } from '../../words/camera-view.ts';
import { toast } from '../feedback/toast.tsx';
import { saveFile } from './save-file.ts';

/** Hands a picture to the person: on a phone by its own sheet, elsewhere as a download. */
export async function sharePicture(picture: File | undefined): Promise<void> {
  if (!picture) {
    toast(cameraViewWords.peek().noPicture);
  } else if (!(await wasShared(picture))) {
    saveFile(picture);
    toast(cameraViewWords.peek().pictureSaved);
  }
}

/** A computer has a sheet too, but a folder for what is downloaded is what one looks into there. Only over https is there any. */
async function wasShared(picture: File): Promise<boolean> {
  const files = [picture];
  if (!matchMedia('(pointer: coarse)').matches || !navigator.canShare?.({ files })) {
    return false;
  }
  try {
    await navigator.share({ files });
    return true;
  } catch (error) {
    // Closed without choosing anybody: so it was meant.
    return error instanceof DOMException && error.name === 'AbortError';
  }
}
