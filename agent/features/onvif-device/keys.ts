import { Switch } from '../../config/schema/common/fields.ts';
import type { FeatureKeys } from '../../config/schema/feature-keys.ts';
import { Address } from '../../config/values/address.ts';

const schema = {
  onvif: Switch(false, 'Offer each camera to other recorders as an ONVIF device. They log in with device passwords.'),
  onvifAddress: Address(
    ':8600',
    'ONVIF port of the first camera. Others get the ports above it. A camera keeps its port.',
  ),
  onvifDiscovery: Switch(true, 'With onvif: let recorders in the same network find the cameras (WS-Discovery).'),
};

/** ONVIF devices for other recorders. */
export const ONVIF: FeatureKeys<typeof schema> = {
  title: 'ONVIF for other recorders',
  schema,
  faults: ({ onvif, onvifAddress, rtsp }) => [
    ...(onvif && onvifAddress === '' ? [{ key: 'onvif', message: 'needs onvifAddress, such as :8600' }] : []),
    ...(onvif && !rtsp
      ? [{ key: 'onvif', message: 'needs rtsp: yes, because recorders get the streams by RTSP' }]
      : []),
  ],
  // The port of the first camera.
  listeners: ({ onvif, onvifAddress }) =>
    onvif ? [{ key: 'onvifAddress', address: onvifAddress, isOfPerch: true }] : [],
};
