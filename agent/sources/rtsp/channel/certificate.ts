import type { TLSSocket } from 'node:tls';
import { PerchError } from '../../../base/errors.ts';

/** What may be wrong with a certificate, as a person says it; everything else is that nobody known has signed it. */
const FAULTS: Record<string, string> = {
  CERT_HAS_EXPIRED: 'has expired',
  CERT_NOT_YET_VALID: 'is not valid yet: look at the clocks of both',
  ERR_TLS_CERT_ALTNAME_INVALID: 'is for another name or address',
};

/**
 * Why a camera is not believed, or undefined. With a fingerprint only the certificate itself counts, whoever signed it and however old it is;
 * without one it has to be valid for this host.
 * @param name of the path, for the message
 * @param fingerprint SHA-256 in hex, with or without colons
 */
export function certificateFailure(socket: TLSSocket, name: string, fingerprint: string): PerchError | undefined {
  const seen = bare(socket.getPeerX509Certificate()?.fingerprint256 ?? '');
  if (fingerprint !== '') {
    const isRight = seen !== '' && seen === bare(fingerprint);
    return isRight ? undefined : distrust(name, `is not the one that sourceFingerprint of path '${name}' names`, seen);
  }
  if (socket.authorized) {
    return undefined;
  }
  // It is typed as an error and is the code of one.
  const code = String(socket.authorizationError);
  return distrust(name, FAULTS[code] ?? `is not signed by anyone known (${code})`, seen);
}

function distrust(name: string, fault: string, seen: string): PerchError {
  const remedy = `if it is your camera, set sourceFingerprint of path '${name}' to ${seen}`;
  return new PerchError('unauthorized', `the camera's certificate ${fault}; ${remedy}`, { path: name });
}

function bare(fingerprint: string): string {
  return fingerprint.replaceAll(':', '').trim().toLowerCase();
}
