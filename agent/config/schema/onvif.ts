import { Address } from '../values/address.ts';
import { Switch } from './fields.ts';
import type { Fault } from './key-rules.ts';
import type { ServerKeys, ServerSettings } from './server-keys.ts';

const schema = {
  onvif: Switch(false, 'Offer each camera to other recorders as an ONVIF device. They log in with device passwords.'),
  onvifAddress: Address(
    ':8600',
    'Port of the first camera over ONVIF; further cameras have the ports above it. A camera keeps its port.',
  ),
  onvifDiscovery: Switch(true, 'With onvif: recorders in the same network find the cameras (WS-Discovery).'),
};

/** ONVIF devices for other recorders. */
export const ONVIF: ServerKeys<typeof schema> = {
  schema,
  listeners: ({ onvif, onvifAddress }) =>
    onvif ? [{ key: 'onvifAddress', address: onvifAddress, isOfPerch: true }] : [],
  faults: () => [],
  inert: [],
  renamed: {},
};

export function onvifFaults({
  onvif,
  onvifAddress,
  rtsp,
}: ServerSettings<typeof schema> & { readonly rtsp: boolean }): readonly Fault[] {
  return [
    ...(onvif && onvifAddress === '' ? [{ key: 'onvif', message: 'needs onvifAddress, such as :8600' }] : []),
    ...(onvif && !rtsp
      ? [{ key: 'onvif', message: 'needs rtsp: yes, because recorders get the streams by RTSP' }]
      : []),
  ];
}
