import { createHmac, timingSafeEqual } from 'node:crypto';

/** Time-based one-time passwords (RFC 6238) with SHA-1, six digits and 30 s: what authenticator apps support. */
const STEP_MS = 30_000;
const DIGITS = 6;
/** Steps before and after the current one that are accepted: clocks differ. */
const DRIFT_STEPS = 1;
/** Base 32 (RFC 4648, section 6). */
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** HOTP (RFC 4226, section 5.3) of a step. */
export function totpCode(secret: Uint8Array, step: number): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac('sha1', secret).update(counter).digest();
  const offset = (mac.at(-1) ?? 0) & 15;
  const number = mac.readUInt32BE(offset) & 0x7fff_ffff;
  return String(number % 10 ** DIGITS).padStart(DIGITS, '0');
}

/** The time step after `lastStep` whose code this is; undefined: there is none. */
export function stepOf(secret: Uint8Array, code: string, wallMs: number, lastStep: number): number | undefined {
  const given = Buffer.from(code);
  const now = Math.floor(wallMs / STEP_MS);
  let found: number | undefined;
  for (let step = now - DRIFT_STEPS; step <= now + DRIFT_STEPS; step += 1) {
    const right = Buffer.from(totpCode(secret, step));
    if (given.length === right.length && timingSafeEqual(given, right) && step > lastStep) {
      found = step;
    }
  }
  return found;
}

export function base32(bytes: Uint8Array): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return (bits.match(/.{1,5}/g) ?? []).map((five) => BASE32[Number.parseInt(five.padEnd(5, '0'), 2)]).join('');
}

/** URI for authenticator apps, as a QR code or link. @param label label of the account */
export function otpauthUri(secret: Uint8Array, issuer: string, label: string): string {
  const name = encodeURIComponent(`${issuer}:${label}`);
  return `otpauth://totp/${name}?secret=${base32(secret)}&issuer=${encodeURIComponent(issuer)}`;
}
