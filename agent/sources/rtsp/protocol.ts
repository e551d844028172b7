import { RTSP_SOURCE } from '../../config/schema/sources/rtsp-source.ts';
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

export function rtspLoginTarget(url: string, name: string): LoginTarget {
  const address = parseAddress(url, name);
  const { host, uri, credentials } = address;
  return { host, hostPort: hostPortOf(address), uri, credentials };
}
