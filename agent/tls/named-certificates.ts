import { X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { SniCallback } from '../config/file/key-pair.ts';

/** A certificate of another authority. PEM. */
export interface NamedCertificate {
  /** Host names, lower case. */
  readonly names: readonly string[];
  readonly key: string;
  /** With the chain. */
  readonly cert: string;
}

/**
 * The certificate that clients get who ask for one of its names (SNI), on all ports with TLS. Clients of other names and of addresses get
 * that of the port. A new one is for new connections; open ones stay.
 */
export class NamedCertificates {
  #names: ReadonlySet<string> = new Set();
  #context: SecureContext | undefined;
  #untilMs = 0;

  readonly sni: SniCallback = (name, done) => done(null, this.has(name) ? this.#context : undefined);

  /** @param host without a port */
  has(host: string): boolean {
    return this.#names.has(host.toLowerCase());
  }

  /** How long the certificate of this host is valid; 0: it has expired; undefined: the host has that of the port. @param nowMs Unix milliseconds */
  secondsLeft(host: string, nowMs: number): number | undefined {
    return this.has(host) ? Math.max(0, Math.floor((this.#untilMs - nowMs) / 1_000)) : undefined;
  }

  /** @param certificate undefined: none @throws if key and certificate do not belong together */
  use(certificate: NamedCertificate | undefined): void {
    this.#context = certificate && createSecureContext({ key: certificate.key, cert: certificate.cert });
    this.#untilMs = certificate ? new X509Certificate(certificate.cert).validToDate.getTime() : 0;
    this.#names = new Set(certificate?.names);
  }
}
