import { type Camera, isDemoCamera } from '../../cameras/camera.ts';
import { cameras } from '../../cameras/cameras.ts';

/** The demo camera has no settings, and takes no part. */
export const ruleCameras = (): readonly Camera[] => (cameras.value ?? []).filter(({ main }) => !isDemoCamera(main));
