import { PerchError } from '../base/errors.ts';
import type { CameraMasks } from '../http/api/cameras/masks.ts';
import type { OnvifControl } from '../onvif/control/onvif-control.ts';
import { ofCamera } from './onvif/steering.ts';

type Control = Pick<OnvifControl, 'masks' | 'setMask' | 'removeMask'>;

const NO_MASKS = { maxMasks: 0, maxPoints: 0, rectangleOnly: false, masks: [] };

/** Privacy masks by path, in the API's form. Answers with the masks as the camera then has them. */
export function masksOf(controls: { control(path: string): Control | undefined }): CameraMasks {
  const use = (path: string, work: (control: Control) => Promise<void>) =>
    ofCamera(async () => {
      const control = controls.control(path);
      if (!control) {
        throw new PerchError('notFound', 'no camera with ONVIF has this path', { path });
      }
      await work(control);
      const found = await control.masks();
      if (!found) {
        return NO_MASKS;
      }
      const { maxMasks, maxPoints, isRectangleOnly: rectangleOnly, masks } = found;
      return {
        maxMasks,
        maxPoints,
        rectangleOnly,
        masks: masks.map(({ token, points, isEnabled: enabled }) => {
          return { token, enabled, points: points.map(([x, y]) => [x, y]) };
        }),
      };
    });
  return {
    get: (path) => use(path, async () => {}),
    set: (path, { token, points }) =>
      use(path, (control) =>
        control.setMask({ token, points: points.map(([x = 0, y = 0]): [number, number] => [x, y]) }),
      ),
    remove: (path, token) => use(path, (control) => control.removeMask(token)),
  };
}
