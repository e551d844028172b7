import { PerchError } from '../../base/errors.ts';
import { PERCH_SOURCE } from '../../config/schema/sources/keyless-sources.ts';
import { RTSP_SOURCE } from '../../config/schema/sources/rtsp-source.ts';
import { encodePath, remotePathOf } from '../../config/values/remote-path.ts';
import type { LoginTarget, SourceProtocol } from '../../protocols/contract.ts';
import { hostPortOf, parseAddress } from '../../transports/rtsp/request/address.ts';
import { RtspSource } from './client.ts';
import { settingsOf } from './request/settings.ts';

/** RTSP, with TLS and through the tunnels of ONVIF and QuickTime. */
export const rtspSource: SourceProtocol = {
  apiType: 'rtspSource',
  keys: RTSP_SOURCE,
  create({ name, settings, config, loginWatch, clock, log }) {
    const { user, password } = settings.camera ?? {};
    const options = { ...settingsOf(settings, config), name, url: settings.source, user, password, loginWatch };
    return new RtspSource(options, clock, log);
  },
  loginTarget: rtspLoginTarget,
};

/** A camera of a paired box: RTSP through the https port of that box. */
export const perchSource: SourceProtocol = {
  apiType: 'perchSource',
  keys: PERCH_SOURCE,
  create({ name, settings, config, boxes, clock, log }) {
    const remote = remotePathOf(settings.source);
    if (!remote || !boxes) {
      throw new PerchError('badInput', `the source of path '${name}' is not perch://BOX/PATH of a paired box`);
    }
    const box = {
      open: (signal: AbortSignal) => boxes.openRtsp(remote.box, signal),
      isConnected: () => boxes.isConnected(remote.box),
      mayTalk: () => boxes.mayTalk(remote.box),
    };
    // The tunnel stands for the connection that `box` opens; the box ignores the host.
    const url = `rtsps+ws://${remote.box}:443/${encodePath(remote.path)}`;
    return new RtspSource({ ...settingsOf(settings, config), rtspTransport: 'tcp', name, url, box }, clock, log);
  },
};

export function rtspLoginTarget(url: string, name: string): LoginTarget {
  const address = parseAddress(url, name);
  const { host, uri, credentials } = address;
  return { host, hostPort: hostPortOf(address), uri, credentials };
}
