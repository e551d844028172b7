import type { TLSSocket } from 'node:tls';
import { PerchError } from '../../base/errors.ts';
import type { Peer } from './peer.ts';

const FINGERPRINT_KEYS: Readonly<Record<Peer['noun'], string>> = {
  camera: 'sourceFingerprint',
  server: 'sourceFingerprint',
  destination: 'destFingerprint',
};
/** Faults of a certificate; any other one is an untrusted issuer. */
const FAULTS: Record<string, string> = {
  CERT_HAS_EXPIRED: 'has expired',
  CERT_NOT_YET_VALID: 'is not valid yet: check its clock and the clock of this machine',
  ERR_TLS_CERT_ALTNAME_INVALID: 'is for another name or address',
};

/**
 * Why the certificate of a connected peer is rejected, or undefined. With a fingerprint only the certificate itself counts, not its
 * issuer or age; without one it has to be valid for this host.
 * @param socket opened with `rejectUnauthorized: false`, and no session of another connection
 * @param fingerprint SHA-256 in hex, with or without colons
 */
export function certificateFailure(socket: TLSSocket, peer: Peer, fingerprint: string): PerchError | undefined {
  const seen = bare(socket.getPeerX509Certificate()?.fingerprint256 ?? '');
  if (fingerprint !== '') {
    const isRight = seen !== '' && seen === bare(fingerprint);
    return isRight
      ? undefined
      : distrust(peer, `is not the one that ${FINGERPRINT_KEYS[peer.noun]} of path '${peer.path}' names`, seen);
  }
  if (socket.authorized) {
    return undefined;
  }
  // Its type says Error, but it is an error code.
  const code = String(socket.authorizationError);
  return distrust(peer, FAULTS[code] ?? `has no trusted issuer (${code})`, seen);
}

function distrust({ noun, path }: Peer, fault: string, seen: string): PerchError {
  const remedy = `if it is your ${noun}, set ${FINGERPRINT_KEYS[noun]} of path '${path}' to ${seen}`;
  return new PerchError('unauthorized', `the ${noun}'s certificate ${fault}; ${remedy}`, { path });
}

const bare = (fingerprint: string): string => fingerprint.replaceAll(':', '').trim().toLowerCase();
