import type { TLSSocket } from 'node:tls';
import type { PerchError } from '../../../base/errors.ts';
import { cameraError } from './failures.ts';

/** Places of which the certificate was seen: more than any house has cameras. */
const MAX_SEEN = 1_000;

interface Place {
  readonly isSecure: boolean;
  readonly host: string;
  readonly port: number;
}

/** A camera that speaks https, and the certificate that it had when it was added. */
export interface PinnedCamera {
  readonly place: Place;
  /** SHA-256 in hex, with or without colons. */
  readonly fingerprint: string;
}

/**
 * Which certificate cameras must show over https. They sign for themselves, so the one that a camera had when it was added counts. A
 * camera may answer at further ports, to which its own answers lead: there any certificate that is pinned for its host is taken.
 */
export class CertificatePins {
  /** By host, then by `host:port`. */
  #pinned: ReadonlyMap<string, ReadonlyMap<string, string>> = new Map();
  /** By `host:port`, the oldest first. */
  readonly #seen = new Map<string, string>();

  /** Those that hold from now on. */
  set(cameras: readonly PinnedCamera[]): void {
    const pinned = new Map<string, Map<string, string>>();
    for (const { place, fingerprint } of cameras) {
      const ports = pinned.get(place.host) ?? new Map<string, string>();
      pinned.set(place.host, ports.set(nameOf(place), bare(fingerprint)));
    }
    this.#pinned = pinned;
  }

  /** What was shown there last: SHA-256 in hex. */
  seenAt(place: Place): string | undefined {
    return place.isSecure ? this.#seen.get(nameOf(place)) : undefined;
  }

  /** Called with each connection before anything is sent on it. @returns why it is not the camera */
  failureOf(place: Place, socket: TLSSocket): PerchError | undefined {
    const name = nameOf(place);
    const seen = bare(socket.getPeerX509Certificate()?.fingerprint256 ?? '');
    const ports = this.#pinned.get(place.host);
    const expected = ports?.get(name);
    const allowed = expected === undefined ? [...(ports?.values() ?? [])] : [expected];
    if (allowed.length > 0 && !allowed.includes(seen)) {
      const words = `the certificate at ${name} is another one than when the camera was added: it has the fingerprint ${seen}, expected ${allowed.join(' or ')}`;
      return cameraError('otherCertificate', words, { host: place.host, fingerprint: seen });
    }
    this.#seen.delete(name);
    this.#seen.set(name, seen);
    const [oldest] = this.#seen.keys();
    if (this.#seen.size > MAX_SEEN && oldest !== undefined) {
      this.#seen.delete(oldest);
    }
    return undefined;
  }
}

/** Of all cameras. */
export const sharedPins = new CertificatePins();

const bare = (fingerprint: string): string => fingerprint.replaceAll(':', '').trim().toLowerCase();

const nameOf = ({ host, port }: Place): string => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`);
