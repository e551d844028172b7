import { pick } from '../../base/pick.ts';
import { RTSP_SOURCE } from '../../config/schema/rtsp-source.ts';
import type { LoginTarget, SourceProtocol } from '../../protocols/contract.ts';
import { parseAddress, placeOf } from '../../transports/rtsp/request/address.ts';
import { RtspSource } from './client.ts';
import { GLOBAL_KEYS, PATH_KEYS } from './request/settings.ts';

/** RTSP, with TLS and through the tunnels of ONVIF and QuickTime. */
export const rtspSource: SourceProtocol = {
  apiType: 'rtspSource',
  keys: RTSP_SOURCE,
  create({ name, settings, config, loginWatch, clock, log }) {
    const { user, password } = settings.camera ?? {};
    const options = { ...pick(settings, PATH_KEYS), ...pick(config, GLOBAL_KEYS) };
    return new RtspSource({ ...options, name, url: settings.source, user, password, loginWatch }, clock, log);
  },
  loginTarget: rtspLoginTarget,
};

export function rtspLoginTarget(url: string, name: string): LoginTarget {
  const address = parseAddress(url, name);
  const { host, uri, credentials } = address;
  return { host, place: placeOf(address), uri, credentials };
}
