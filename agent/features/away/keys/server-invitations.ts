import { createPrivateKey, randomBytes } from 'node:crypto';
import { INVITATION_MS, SERVERS_DRIFT_MS } from '../../../auth/pairing/invitations.ts';
import { LoginLimits } from '../../../auth/throttle/login-limits.ts';
import { putBounded } from '../../../base/bounded-map.ts';
import type { Clock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import type { Logger } from '../../../base/log.ts';
import type { StoredKey } from './away-file.ts';

/** 12 random bytes, and the end of the invitation in Unix seconds (4 bytes). */
const RANDOM_BYTES = 12;
const SECRET = /^[\w-]{22}$/;
/** PKCS #8 of an Ed25519 private key (RFC 8410 §7), before its 32 bytes. */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

interface InvitationKey {
  /** HMAC-SHA-256 as base64url. */
  sign(purpose: 'invitation', text: string): string;
}

/**
 * Invitations of a server, each for ten minutes and one pairing. The key of the server for the box follows from the secret of the invitation and
 * the key of all servers with one database. So no server has to store it, and the box may connect to any of them. Whoever forges a secret does not know
 * that key, which the proof of the box names. A second pairing with it is rejected where pairings are saved.
 */
export class ServerInvitations {
  readonly #key: InvitationKey;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #limits: LoginLimits;
  readonly #used = new Map<string, true>();

  constructor(key: InvitationKey, clock: Clock, log: Logger) {
    this.#key = key;
    this.#clock = clock;
    this.#log = log;
    this.#limits = new LoginLimits(clock);
  }

  /** @returns the secret, which is not shown again, and the server's public key */
  create(): { readonly secret: string; readonly key: string } {
    const bytes = Buffer.concat([randomBytes(RANDOM_BYTES), Buffer.alloc(4)]);
    bytes.writeUInt32BE(Math.floor((this.#clock.wallMs() + INVITATION_MS) / 1000), RANDOM_BYTES);
    const secret = bytes.toString('base64url');
    return { secret, key: this.#keysOf(secret).key };
  }

  /**
   * Uses an invitation up.
   * @param check of the proof: throws, and the invitation stays
   * @throws PerchError unauthorized, exhausted after too many wrong secrets
   */
  take(
    secret: string,
    { ip, isPrivate }: { readonly ip: string; readonly isPrivate: boolean },
    check: (keys: StoredKey) => void,
  ): StoredKey {
    const wasRight = this.#limits.take({ ip, isPrivate, account: undefined, isKnownAddress: false });
    if (!this.#isOpen(secret)) {
      this.#log.warn({ ip }, 'wrong invitation');
      throw usedInvitation();
    }
    const keys = this.#keysOf(secret);
    check(keys);
    putBounded(this.#used, secret, true, 1_000);
    wasRight();
    return keys;
  }

  #isOpen(secret: string): boolean {
    const bytes = Buffer.from(secret, 'base64url');
    // The last character has two bits that are not read: two texts would be one secret.
    if (!SECRET.test(secret) || bytes.toString('base64url') !== secret || this.#used.has(secret)) {
      return false;
    }
    const leftMs = bytes.readUInt32BE(RANDOM_BYTES) * 1000 - this.#clock.wallMs();
    return leftMs > 0 && leftMs <= INVITATION_MS + SERVERS_DRIFT_MS;
  }

  #keysOf(secret: string): StoredKey {
    const seed = Buffer.from(this.#key.sign('invitation', secret), 'base64url');
    const { d = '', x = '' } = createPrivateKey({
      key: Buffer.concat([PKCS8, seed]),
      format: 'der',
      type: 'pkcs8',
    }).export({ format: 'jwk' });
    return { secret: d, key: x };
  }
}

const usedInvitation = (): PerchError =>
  new PerchError('unauthorized', 'the invitation is wrong, was used, or is older than ten minutes: create a new one', {
    why: 'invitation',
  });
