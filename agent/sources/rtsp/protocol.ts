import { RTSP_SOURCE } from '../../config/schema/rtsp-source.ts';
import type { SourceProtocol } from '../../protocols/contract.ts';
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
};

/** An object of these properties of another one. */
function pick<T extends object, Key extends keyof T>(from: T, keys: readonly Key[]): Pick<T, Key> {
  const picked: Partial<Pick<T, Key>> = {};
  for (const key of keys) {
    picked[key] = from[key];
  }
  return picked as Pick<T, Key>;
}
