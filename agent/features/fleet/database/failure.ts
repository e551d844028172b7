import { PerchError } from '../../../base/errors.ts';
import { type DatabaseAddress, placeOf } from './database-url.ts';

/** Codes of PostgreSQL (appendix A of its manual) that a person can act on. */
const BY_CODE: Readonly<Record<string, (address: DatabaseAddress) => string>> = {
  '28P01': ({ user }) => `it rejects the password of user '${user}'`,
  '28000': ({ user }) => `it does not let user '${user}' in from this machine: see its pg_hba.conf`,
  '3D000': ({ database }) => `there is no database '${database}': CREATE DATABASE`,
  '42501': ({ user }) => `user '${user}' lacks a permission there: make it the owner of the database`,
  '25006': () => 'it is read-only: name the primary, not a standby',
  '53300': () => 'it has no free connection (max_connections)',
  '57P03': () => 'it is starting',
  '57P01': () => 'it was shut down',
};
/** Errors of TLS in Node. */
const CERTIFICATE = /^(?:ERR_TLS_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_CA)/;

/** What has failed, for people: without the password, which no message of PostgreSQL has. */
export function databaseFailure(error: unknown, address: DatabaseAddress): PerchError {
  if (error instanceof PerchError) {
    return error;
  }
  const { code = '', message } = error as { code?: string; message: string };
  return new PerchError('unavailable', `${placeOf(address)}: ${whyOf(code, message, address)}`, { code }, error);
}

function whyOf(code: string, message: string, address: DatabaseAddress): string {
  const known = BY_CODE[code]?.(address);
  if (known !== undefined) {
    return known;
  }
  if (CERTIFICATE.test(code)) {
    const advice = address.authorityFile === undefined ? 'name its authority with sslrootcert=FILE' : 'see sslrootcert';
    return `its certificate is not trusted (${message}): ${advice}, or correct the name of the host`;
  }
  if (/does not support SSL/i.test(message)) {
    return 'it does not offer TLS: turn ssl on in postgresql.conf, or write sslmode=disable for a network that you trust';
  }
  return `it does not answer (${message || code || 'no reason given'})`;
}
