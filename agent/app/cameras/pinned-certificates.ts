import type { Config } from '../../config/load/load.ts';
import { type PinnedCamera, sharedPins } from '../../onvif/soap/http/certificate-pins.ts';
import { parseHttpUrl } from '../../onvif/soap/http/origin.ts';

/** Pins the configured certificates of https cameras. */
export function pinCertificates({ paths }: Pick<Config, 'paths'>): void {
  const cameras = [...paths.values()].flatMap(({ settings }): PinnedCamera[] => {
    const { onvif, fingerprint } = settings?.camera ?? {};
    const origin = onvif === undefined ? undefined : parseHttpUrl(onvif)?.origin;
    return origin?.isSecure && fingerprint ? [{ origin, fingerprint }] : [];
  });
  sharedPins.set(cameras);
}
