import { X509Certificate } from 'node:crypto';
import type { Fingerprint } from '../sdp/offer.ts';
import { measureProfiles } from '../srtp/profile-order.ts';
import { AEAD_AES_128_GCM, AES128_CM_HMAC_SHA1_80, type SrtpProfile } from '../srtp/srtp-keys.ts';
import { ClientHandshake } from './handshake/client-handshake.ts';
import { DtlsConnection, type DtlsEvents, type DtlsPeer } from './handshake/dtls-connection.ts';
import { ServerHandshake } from './handshake/server-handshake.ts';
import { ECDSA_SHA256, type WeriftIdentity } from './handshake/werift-engine.ts';

/*
 * DTLS 1.2 for SRTP (RFC 6347, RFC 5764). werift does the handshake, seen only here and by the files with its name;
 * what it leaves to its user is done around it: messages are put in order, certificates, signatures and Finished are
 * verified, and records that nobody has authenticated cannot end or restart a session.
 */

/** In the registry of TLS. */
const CURVE_P256 = 23;

export type { DtlsEvents, DtlsPeer } from './handshake/dtls-connection.ts';

/** Our half of all handshakes. */
export interface DtlsIdentity {
  /** SHA-256 of our certificate, as an answer has it. */
  readonly fingerprint: string;
  /**
   * Waits for the peer to begin, as browsers do.
   * @param expected fingerprints of the offer: the peer's certificate must be one of them
   */
  accept(expected: readonly Fingerprint[], events: DtlsEvents): DtlsPeer;
  /** Begins, for a peer whose offer says `a=setup:passive`: the way to it must be known. */
  connect(expected: readonly Fingerprint[], events: DtlsEvents): DtlsPeer;
}

let loaded: Promise<DtlsIdentity> | undefined;

/** Loads werift and makes a certificate, once. It takes 0.3 s and 40 MB, so only those who have a viewer pay for it. */
export function loadDtls(): Promise<DtlsIdentity> {
  loaded ??= loadMeasured();
  return loaded;
}

async function loadMeasured(): Promise<DtlsIdentity> {
  let profiles: readonly SrtpProfile[] = [AES128_CM_HMAC_SHA1_80, AEAD_AES_128_GCM];
  const identity = await createIdentity(() => profiles);
  // The first viewer does not wait for it.
  void measureProfiles().then((measured) => {
    profiles = measured;
  });
  return identity;
}

/** @param profiles SRTP profiles that we have: the first of them that a browser has too is agreed on */
export async function createIdentity(profiles: () => readonly SrtpProfile[]): Promise<DtlsIdentity> {
  const werift = await import('werift');
  const { certPem, keyPem } = await werift.CipherContext.createSelfSignedCertificateWithKey(ECDSA_SHA256, CURVE_P256);
  const identity = (): WeriftIdentity => ({ certPem, keyPem, srtpProfiles: profiles() });
  return {
    fingerprint: new X509Certificate(certPem).fingerprint256,
    accept: (expected, events) => {
      const connection = new DtlsConnection(events);
      connection.begin((ends) => new ServerHandshake(werift, identity(), expected, ends));
      return connection;
    },
    connect: (expected, events) => {
      const connection = new DtlsConnection(events);
      connection.begin((ends) => new ClientHandshake(werift, identity(), expected, ends)).start();
      return connection;
    },
  };
}
