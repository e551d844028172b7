import { signal } from '@preact/signals';
import { WHOLE } from './picture-zoom.ts';

/** How the picture of the camera that is open is enlarged. */
export const zoom = signal(WHOLE);

/** As long as it is, keys move the picture, not the camera. */
export const isEnlarged = (): boolean => zoom.peek().scale > 1;

export const showWhole = (): void => {
  zoom.value = WHOLE;
};
