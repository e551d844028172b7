import type { Config } from '../../config/load/load.ts';
import { type PinnedCamera, sharedPins } from '../../onvif/soap/http/certificate-pins.ts';
import { parseHttpUrl } from '../../onvif/soap/http/http-exchange.ts';

/** Cameras over https are held to the certificates that the configuration names. */
export function pinCertificates({ paths }: Pick<Config, 'paths'>): void {
  const cameras = [...paths.values()].flatMap(({ settings }): PinnedCamera[] => {
    const { onvif, fingerprint } = settings?.camera ?? {};
    const place = onvif === undefined ? undefined : parseHttpUrl(onvif)?.place;
    return place?.isSecure && fingerprint ? [{ place, fingerprint }] : [];
  });
  sharedPins.set(cameras);
}
