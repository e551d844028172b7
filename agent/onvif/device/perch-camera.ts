import { createHash } from 'node:crypto';

/** `PERC` in ASCII: begins the identity of every camera that a Perch offers. */
const MARK = '50455243';
const ID_OF_PERCH = '[0-9a-f]{10}';
/** UUID version 8 (RFC 9562 §5.8): mark, Perch, camera. */
const ENDPOINT = new RegExp(
  `^(?:urn:)?(?:uuid:)?${MARK}-([0-9a-f]{4})-8([0-9a-f]{3})-8([0-9a-f]{3})-[0-9a-f]{12}$`,
  'i',
);
const SERIAL = new RegExp(`^PERCH(${ID_OF_PERCH})[0-9a-f]{12}$`, 'i');

export const isPerchId = (text: string): boolean => new RegExp(`^${ID_OF_PERCH}$`).test(text);

/** A camera that a Perch offers to other recorders. */
interface PerchCamera {
  /** `urn:uuid:…` for discovery. */
  readonly endpoint: string;
  readonly serial: string;
  /** Locally administered: recorders tell devices apart by it. No packet carries it. */
  readonly mac: string;
}

/** @param perch id of the Perch, ten hexadecimal digits @param path stays when the camera is renamed */
export function perchCamera(perch: string, path: string): PerchCamera {
  const camera = createHash('sha256').update(`${perch} ${path}`).digest('hex').slice(0, 12);
  const parts = [MARK, perch.slice(0, 4), `8${perch.slice(4, 7)}`, `8${perch.slice(7)}`, camera];
  return {
    endpoint: `urn:uuid:${parts.join('-')}`,
    serial: `PERCH${perch}${camera}`.toUpperCase(),
    mac: `02:${camera.slice(0, 10).replace(/..(?=.)/g, '$&:')}`,
  };
}

/** Id of the Perch that offers the camera with this endpoint or serial number; undefined for any other camera. */
export function perchOf(identity: string | undefined): string | undefined {
  const text = identity?.trim() ?? '';
  const [, ...parts] = ENDPOINT.exec(text) ?? SERIAL.exec(text) ?? [];
  return parts.length === 0 ? undefined : parts.join('').toLowerCase();
}
