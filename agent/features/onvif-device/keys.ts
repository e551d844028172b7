import type { Static, TObject } from 'typebox';
import { Address } from '../../config/values/address.ts';
import type { Resolved } from '../../config/values/quantity.ts';
import { Switch } from '../../config/schema/common/fields.ts';
import type { Fault } from '../../config/schema/common/key-rules.ts';
import type { PortUse } from '../../config/schema/common/server-keys.ts';

/** ONVIF devices for other recorders. */
export const ONVIF_KEYS = {
  onvif: Switch(false, 'Offer each camera to other recorders as an ONVIF device. They log in with device passwords.'),
  onvifAddress: Address(
    ':8600',
    'ONVIF port of the first camera. Others get the ports above it. A camera keeps its port.',
  ),
  onvifDiscovery: Switch(true, 'With onvif: let recorders in the same network find the cameras (WS-Discovery).'),
};

type OnvifSettings = Resolved<Static<TObject<typeof ONVIF_KEYS>>>;

/** The port of the first camera; none while ONVIF is off. */
export const onvifPort = ({ onvif, onvifAddress }: OnvifSettings): readonly PortUse[] =>
  onvif ? [{ key: 'onvifAddress', address: onvifAddress, isOfPerch: true }] : [];

export function onvifFaults({
  onvif,
  onvifAddress,
  rtsp,
}: OnvifSettings & { readonly rtsp: boolean }): readonly Fault[] {
  return [
    ...(onvif && onvifAddress === '' ? [{ key: 'onvif', message: 'needs onvifAddress, such as :8600' }] : []),
    ...(onvif && !rtsp
      ? [{ key: 'onvif', message: 'needs rtsp: yes, because recorders get the streams by RTSP' }]
      : []),
  ];
}
