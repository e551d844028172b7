import type { Feature } from '../contract.ts';
import { ONVIF } from './keys.ts';
import { OnvifDevice } from './onvif-device.ts';
import { onvifRoutes } from './routes.ts';
import { ONVIF_FILE, readDeviceFile } from './server/device-file.ts';

export const onvifDevice: Feature = {
  name: 'onvif-device',
  keys: ONVIF,
  // Ports and identities that recorders know the cameras by.
  backup: [{ name: ONVIF_FILE, isWhole: (text) => readDeviceFile(JSON.parse(text)) !== undefined }],
  open(host) {
    const device = new OnvifDevice(host);
    return {
      component: device.component(),
      routes: [{ listener: 'main', right: 'admin', mount: async (app) => onvifRoutes(app, device) }],
      applied: () => device.applied(),
      replays: device.replays,
      isOwn: (identity) => device.isOwn(identity),
    };
  },
};
