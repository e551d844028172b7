import type { Clock } from '../../base/clock.ts';
import { explain, PerchError } from '../../base/errors.ts';
import type { PublishEvent } from '../../base/event-bus.ts';
import type { Logger } from '../../base/log.ts';
import { Challenges } from '../passkeys/challenges.ts';
import type { PasskeyProof, Registration, RelyingParty } from '../passkeys/passkey.ts';
import { LoginAttempts } from '../throttle/login-attempts.ts';
import type { LoginClient } from './people.ts';
import type { SecondFactor } from './second-factor.ts';
import type { SecretKey } from './secret-key.ts';

const TIMEOUT_MS = 120_000;
/** Length of the user handle, which must not identify the person (WebAuthn Level 3, section 14.6.1). */
const HANDLE_BYTES = 16;
/** COSE algorithms ES256, EdDSA and RS256 (RFC 9053, RFC 8812). */
const ALGORITHMS = [-7, -8, -257];

interface SecondFactorCheckDeps {
  readonly factor: SecondFactor;
  readonly key: SecretKey;
  readonly clock: Clock;
  readonly log: Logger;
  readonly publish: PublishEvent;
  /** Counts an attempt as one with a password. @returns to be called if it was right @throws PerchError exhausted */
  readonly takeAttempt: (user: string, client: LoginClient) => () => void;
}

/** Checks the second factor at logins and changes, and issues the challenges of passkeys. */
export class SecondFactorCheck {
  readonly #deps: SecondFactorCheckDeps;
  readonly #challenges: Challenges;
  /** Wrong codes for a user by all clients together, because a million possible codes are few. */
  readonly #codeAttempts: LoginAttempts;

  constructor(deps: SecondFactorCheckDeps) {
    this.#deps = deps;
    this.#challenges = new Challenges(deps.key, deps.clock);
    // Wrong codes within ten minutes.
    this.#codeAttempts = new LoginAttempts(deps.clock, 10, 'for this user');
  }

  /** Checks the second factor after the right password. @throws PerchError unauthorized, or exhausted after too many wrong ones */
  async check(user: string, client: LoginClient): Promise<void> {
    const { code = '', passkey } = client;
    if (passkey) {
      await this.#checkPasskey(user, client, passkey);
    } else if (code === '') {
      throw new PerchError('unauthorized', 'the second factor is needed', { why: 'codeNeeded' });
    } else {
      await this.#checkCode(user, client, code);
    }
  }

  async #checkCode(user: string, client: LoginClient, code: string): Promise<void> {
    this.#codeAttempts.take(user, client.ip);
    const wasRight = this.#deps.takeAttempt(user, client);
    if (!(await this.#deps.factor.accept(code))) {
      this.#refuse(user, client, 'wrongCode', 'wrong code');
    }
    wasRight();
    this.#codeAttempts.succeeded(user);
  }

  /** Checks a passkey. Attempts are not counted for all clients together, because signatures cannot be guessed. */
  async #checkPasskey(user: string, client: LoginClient, { response, relyingParty }: PasskeyProof): Promise<void> {
    const wasRight = this.#deps.takeAttempt(user, client);
    const { factor, log } = this.#deps;
    const passkey = factor.passkeys.find(({ id, host }) => id === response.id && host === relyingParty.host);
    const challenge = this.#challenges.take('get', user, relyingParty.host, response.response.clientDataJSON);
    const { verifiedAssertion } = await import('../passkeys/webauthn.ts');
    const verify = async () =>
      passkey && challenge !== undefined
        ? await verifiedAssertion(response, challenge, relyingParty, passkey)
        : undefined;
    const counter = await verify().catch((error: unknown) => {
      log.warn({ user, cause: explain(error) }, 'passkey is not valid');
    });
    const isNew = counter !== undefined && (await factor.passkeyUsed(response.id, counter, challenge ?? ''));
    if (!isNew) {
      this.#refuse(user, client, 'wrongPasskey', 'this passkey is not accepted');
    }
    wasRight();
  }

  #refuse(user: string, { ip }: LoginClient, why: string, message: string): never {
    this.#deps.log.warn({ user, ip, why }, 'second factor refused, after the right password');
    this.#deps.publish('login', { state: 'refused', user, address: ip });
    throw new PerchError('unauthorized', message, { why });
  }

  /** `PublicKeyCredentialRequestOptionsJSON` for the page's host, or undefined if there is no passkey for it. */
  request(user: string, relyingParty: RelyingParty | undefined): object | undefined {
    const passkeys = this.#passkeysAt(relyingParty);
    return relyingParty && passkeys.length > 0
      ? {
          challenge: this.#challenges.issue('get', user, relyingParty.host),
          rpId: relyingParty.host,
          allowCredentials: passkeys,
          userVerification: 'preferred',
          timeout: TIMEOUT_MS,
        }
      : undefined;
  }

  /** `PublicKeyCredentialCreationOptionsJSON`. */
  creation(user: string, relyingParty: RelyingParty): object {
    const handle = Buffer.from(this.#deps.key.sign('passkey', user), 'base64url').subarray(0, HANDLE_BYTES);
    return {
      challenge: this.#challenges.issue('create', user, relyingParty.host),
      rp: { id: relyingParty.host, name: 'Perch' },
      user: { id: handle.toString('base64url'), name: user, displayName: user },
      pubKeyCredParams: ALGORITHMS.map((alg) => ({ type: 'public-key', alg })),
      excludeCredentials: this.#passkeysAt(relyingParty),
      authenticatorSelection: { residentKey: 'preferred', userVerification: 'preferred' },
      attestation: 'none',
      timeout: TIMEOUT_MS,
    };
  }

  /** @returns the recovery codes, if this turns the second factor on @throws PerchError badInput */
  async addPasskey(
    user: string,
    name: string,
    relyingParty: RelyingParty,
    response: Registration,
  ): Promise<readonly string[]> {
    const { factor, clock, log } = this.#deps;
    const challenge = this.#challenges.take('create', user, relyingParty.host, response.response.clientDataJSON);
    const { verifiedRegistration } = await import('../passkeys/webauthn.ts');
    const verify = async () =>
      challenge === undefined ? undefined : await verifiedRegistration(response, challenge, relyingParty);
    const key = await verify().catch((error: unknown) => {
      log.warn({ user, cause: explain(error) }, 'new passkey is not valid');
    });
    if (!key) {
      throw new PerchError('badInput', 'this passkey is not accepted: try again', { why: 'wrongPasskey' });
    }
    const { transports = [] } = response.response;
    return factor.addPasskey({
      ...key,
      name,
      transports,
      host: relyingParty.host,
      created: clock.wallMs(),
      lastUsed: null,
    });
  }

  /** @throws PerchError notFound, or badInput for the last one without an app */
  async removePasskey(user: string, id: string): Promise<void> {
    await this.#deps.factor.removePasskey(id);
    this.#deps.log.info({ user, id }, 'passkey removed');
  }

  #passkeysAt(relyingParty: RelyingParty | undefined) {
    return this.#deps.factor.passkeys
      .filter(({ host }) => host === relyingParty?.host)
      .map(({ id, transports }) => ({ id, transports, type: 'public-key' }));
  }
}
