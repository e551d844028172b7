import { X509Certificate } from 'node:crypto';
import type { Fingerprint } from '../sdp/offer.ts';
import { AEAD_AES_128_GCM, AES128_CM_HMAC_SHA1_80, type SrtpProfile } from '../srtp/srtp-keys.ts';
import { nativeCipher } from '../srtp/srtp-sender.ts';
import { ClientHandshake } from './handshake/client-handshake.ts';
import { DtlsConnection, type DtlsEvents, type DtlsPeer } from './handshake/dtls-connection.ts';
import { ServerHandshake } from './handshake/server-handshake.ts';
import { ECDSA_SHA256, type WeriftIdentity } from './handshake/werift-engine.ts';

/*
 * DTLS 1.2 for SRTP (RFC 6347, RFC 5764). werift, imported only here and by the files with its name, runs the
 * handshake. This folder adds what werift leaves to its user: ordering messages, verifying certificates, signatures and
 * Finished, and ignoring unauthenticated records that would end or restart a session.
 */

/** secp256r1 in the TLS registry of named curves. */
const CURVE_P256 = 23;

export type { DtlsEvents, DtlsPeer } from './handshake/dtls-connection.ts';

export interface DtlsIdentity {
  /** SHA-256 of our certificate, as in an answer. */
  readonly fingerprint: string;
  /**
   * Waits for the peer's ClientHello.
   * @param expected the offer's fingerprints: the peer's certificate must match one of them
   */
  accept(expected: readonly Fingerprint[], events: DtlsEvents): DtlsPeer;
  /** Sends the ClientHello to a peer whose offer says `a=setup:passive`. Its address must be known. */
  connect(expected: readonly Fingerprint[], events: DtlsEvents): DtlsPeer;
}

let loaded: Promise<DtlsIdentity> | undefined;

/** Loads werift and creates a certificate once. It takes 0.3 s and 10 MB, so it waits for the first page or viewer. */
export function loadDtls(): Promise<DtlsIdentity> {
  // With native functions GCM costs less, without them CM, with the processor's AES instructions or not.
  loaded ??= createIdentity(
    nativeCipher() ? [AEAD_AES_128_GCM, AES128_CM_HMAC_SHA1_80] : [AES128_CM_HMAC_SHA1_80, AEAD_AES_128_GCM],
  );
  return loaded;
}

/** @param srtpProfiles supported SRTP profiles; the first one that the browser supports as well is used */
export async function createIdentity(srtpProfiles: readonly SrtpProfile[]): Promise<DtlsIdentity> {
  const werift = await import('../link/werift.ts');
  const { certPem, keyPem } = await werift.CipherContext.createSelfSignedCertificateWithKey(ECDSA_SHA256, CURVE_P256);
  const identity: WeriftIdentity = { certPem, keyPem, srtpProfiles };
  return {
    fingerprint: new X509Certificate(certPem).fingerprint256,
    accept: (expected, events) => {
      const connection = new DtlsConnection(events);
      connection.begin((ends) => new ServerHandshake(werift, identity, expected, ends));
      return connection;
    },
    connect: (expected, events) => {
      const connection = new DtlsConnection(events);
      connection.begin((ends) => new ClientHandshake(werift, identity, expected, ends)).start();
      return connection;
    },
  };
}
