import { randomBytes } from 'node:crypto';
import { type SecretKey, SIGNATURE_CHARS } from './secret-key.ts';

const ID_BYTES = 12;
const ID_CHARS = 16;

/** The part of the users that is needed. */
interface Stamps {
  /** Changes with the user's password. */
  stampOf(name: string): string | undefined;
}

/**
 * A cookie that stays on a device when its session is over: `id.signature`. It opens nothing; it only shows that somebody
 * was logged in here to this account, whose wrong attempts are then counted apart. A new password makes it worthless.
 */
export class KnownDevices {
  readonly #key: SecretKey;
  readonly #users: Stamps;

  constructor(key: SecretKey, users: Stamps) {
    this.#key = key;
    this.#users = users;
  }

  /** @param old what the device has already: one that still holds keeps its id, so that its attempts go on being counted */
  tokenFor(user: string, old = ''): string {
    const id = this.find(user, old) ?? randomBytes(ID_BYTES).toString('base64url');
    return `${id}.${this.#key.sign('device', this.#termsOf(user, id))}`;
  }

  /** The id of the device, if it is one of this user's. */
  find(user: string, token: string): string | undefined {
    const id = token.slice(0, ID_CHARS);
    const isLikely = token.length === ID_CHARS + 1 + SIGNATURE_CHARS && token[ID_CHARS] === '.';
    const isKnown = isLikely && this.#users.stampOf(user) !== undefined;
    const signature = token.slice(ID_CHARS + 1);
    return isKnown && this.#key.isSigned('device', this.#termsOf(user, id), signature) ? id : undefined;
  }

  #termsOf(user: string, id: string): string {
    return JSON.stringify([user, this.#users.stampOf(user) ?? '', id]);
  }
}
