import type { TLSSocket } from 'node:tls';
import { putBounded } from '../../../base/bounded-map.ts';
import type { PerchError } from '../../../base/errors.ts';
import { cameraError } from './failures.ts';
import { type HttpOrigin, hostPortOf } from './origin.ts';

/** An https camera and its certificate at adoption. */
export interface PinnedCamera {
  readonly origin: HttpOrigin;
  /** SHA-256 in hex, with or without colons. */
  readonly fingerprint: string;
}

/**
 * The certificates that https cameras must show: self-signed, so the one at adoption counts. A camera may serve further ports, named in
 * its own replies; any certificate pinned for its host is accepted there.
 */
export class CertificatePins {
  /** `name` is `host:port`. */
  #pinned: readonly { readonly host: string; readonly name: string; readonly fingerprint: string }[] = [];
  /** By `host:port`, oldest first. */
  readonly #seen = new Map<string, string>();

  set(cameras: readonly PinnedCamera[]): void {
    this.#pinned = cameras.map(({ origin, fingerprint }) => ({
      host: origin.host,
      name: hostPortOf(origin),
      fingerprint: bare(fingerprint),
    }));
  }

  /** The certificate shown last: SHA-256 in hex. */
  seenAt(origin: HttpOrigin): string | undefined {
    return origin.isSecure ? this.#seen.get(hostPortOf(origin)) : undefined;
  }

  /** Called for each connection before anything is sent. @returns why this is not the pinned camera */
  failureOf(origin: HttpOrigin, socket: TLSSocket): PerchError | undefined {
    const name = hostPortOf(origin);
    const seen = bare(socket.getPeerX509Certificate()?.fingerprint256 ?? '');
    const here = this.#pinned.filter(({ host }) => host === origin.host);
    const ports = new Map(here.map((pinned) => [pinned.name, pinned.fingerprint]));
    const expected = ports.get(name);
    const allowed = expected === undefined ? [...ports.values()] : [expected];
    if (allowed.length > 0 && !allowed.includes(seen)) {
      const words = `the certificate at ${name} has changed since the camera was added: its fingerprint is ${seen}, expected ${allowed.join(' or ')}`;
      return cameraError('otherCertificate', words, { host: origin.host, fingerprint: seen });
    }
    // More than any installation has cameras.
    putBounded(this.#seen, name, seen, 1_000);
    return undefined;
  }
}

export const sharedPins = new CertificatePins();

const bare = (fingerprint: string): string => fingerprint.replaceAll(':', '').trim().toLowerCase();
