import { readableName } from './camera.ts';
import { cameras } from './cameras.ts';

/** Title of a camera as the page shows it. @param path of the camera or of its sub stream; a removed camera has its name */
export const cameraTitle = (path: string): string =>
  cameras.value?.find(({ name, sub }) => name === path || sub?.name === path)?.title ?? readableName(path);
