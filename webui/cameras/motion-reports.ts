import type { CameraItem } from '../api-client/api-types.ts';
import { usePolled } from '../api-client/use-polled.ts';
import type { Camera } from './camera.ts';

type Item = Pick<CameraItem, 'path' | 'onvif' | 'takesEvents' | 'description'>;

/** Whether a camera reports motion itself, and Perch takes its events. Undefined: it is not known yet, or another box has the camera. */
export function reportsMotion(
  { name, main }: Pick<Camera, 'name' | 'main'>,
  items: readonly Item[] | undefined,
): boolean | undefined {
  if (!items || main.box) {
    return undefined;
  }
  const item = items.find(({ path }) => path === name);
  return item?.onvif && item.takesEvents ? item.description?.hasEvents : false;
}

/** The same, for the cameras of the page. */
export function useMotionReports(): (camera: Camera) => boolean | undefined {
  const { value } = usePolled<{ readonly items: readonly Item[] }>('v3/cameras/list?itemsPerPage=1000', 'slow', {
    news: ['camera', 'config'],
  });
  return (camera) => reportsMotion(camera, value?.items);
}
