import { type PinnedCamera, sharedPins } from './cameras/soap/certificate-pins.ts';
import { parseHttpUrl } from './cameras/soap/http-exchange.ts';
import type { Config } from './config/load.ts';

/** Cameras over https are held to the certificates that the configuration names. */
export function pinCertificates({ paths }: Pick<Config, 'paths'>): void {
  const cameras = [...paths.values()].flatMap(({ settings }): PinnedCamera[] => {
    const { onvif, fingerprint } = settings?.camera ?? {};
    const place = onvif === undefined ? undefined : parseHttpUrl(onvif)?.place;
    return place?.isSecure && fingerprint ? [{ place, fingerprint }] : [];
  });
  sharedPins.set(cameras);
}
