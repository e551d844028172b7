import type { FastifyRequest } from 'fastify';
import type { Clock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import type { Logger } from '../../../base/log.ts';
import { letIn } from '../../../http/listener/pre-login.ts';
import type { OnvifLogin } from './contract.ts';
import { Logins } from './login.ts';
import { fault, type SoapRequest } from './soap.ts';

/** A refused login is shown for this time. */
const REFUSAL_KEPT_MS = 24 * 3_600_000;
/** Some recorders ask for recordings every second. */
const REPEATED_MS = 60_000;

/** Why a login was refused: `wrong` name or password, `rights` for this camera or its recordings, `clock`, `clear` password, or `replay`. */
type RejectionReason = 'wrong' | 'rights' | 'clock' | 'clear' | 'replay';

/** The last refused login, for the owner. */
export interface RejectedLogin {
  readonly why: RejectionReason;
  readonly user: string;
  readonly ip: string;
  readonly path: string;
  readonly timeMs: number;
}

const REASONS: Readonly<Record<RejectionReason, string>> = {
  wrong: 'wrong user name or password: ONVIF needs a device password of Perch',
  rights: 'this device password does not permit ONVIF for this camera',
  clock: 'the time of the login differs from that of Perch by more than 5 minutes: set the clock',
  clear: 'the password was sent in clear: use WS-UsernameToken with PasswordDigest, or HTTP Digest',
  replay: 'this login was used before: each request needs a new nonce',
};

interface LoginCheckDeps {
  readonly clock: Clock;
  readonly log: Logger;
  login(user: string): OnvifLogin | undefined;
  /** Shared by all ports, so that a second port does not allow faster guessing. */
  readonly wrongCredentials: { checkRoom(ip: string): void; pause(ip: string): Promise<void> };
}

/** Answered with a challenge: the request has no login, or one that needs a new nonce. */
export class LoginWanted extends PerchError {
  readonly isStale: boolean;

  constructor(isStale: boolean) {
    super('unauthorized', 'this request needs a login', { codes: ['NotAuthorized'] });
    this.isStale = isStale;
  }
}

/** Checks the logins of requests. */
export class LoginCheck {
  readonly #deps: LoginCheckDeps;
  readonly #logins: Logins;
  #refusal: (RejectedLogin & { readonly isOfRecordings?: true }) | undefined;
  #refusedMs = 0;

  constructor(deps: LoginCheckDeps) {
    this.#deps = deps;
    this.#logins = new Logins(deps.clock);
  }

  /** The last refusal; undefined after a good login of the same user or from the same address, or after a day. */
  get lastRefusal(): RejectedLogin | undefined {
    return this.#deps.clock.monoMs() - this.#refusedMs < REFUSAL_KEPT_MS ? this.#refusal : undefined;
  }

  challenge(isStale: boolean): string {
    return this.#logins.challenge(isStale);
  }

  /** @param soap absent for a snapshot request @throws PerchError unauthorized, LoginWanted, exhausted */
  async admit(request: FastifyRequest, ip: string, path: string, soap?: SoapRequest): Promise<OnvifLogin> {
    const { headers, method, url } = request;
    const proof = this.#logins.ofHttp(headers.authorization, method, url) ?? this.#logins.ofToken(soap?.header);
    if (!proof) {
      throw new LoginWanted(false);
    }
    this.#deps.wrongCredentials.checkRoom(ip);
    const { user } = proof;
    const login = this.#deps.login(user);
    if (!login || proof.isClear || !login.isRight((password) => proof.proves(password))) {
      await this.#refuse(proof.isClear ? 'clear' : 'wrong', user, ip, path);
    } else if (proof.isStale) {
      throw new LoginWanted(true);
    } else if (proof.skewMs !== undefined) {
      await this.#refuse('clock', user, ip, path);
    } else if (!login.may(path)) {
      await this.#refuse('rights', user, ip, path);
    } else if (!proof.use()) {
      // HTTP Digest: the nonce (or nonce count) was used before, so the client gets a new nonce.
      if (headers.authorization !== undefined) {
        throw new LoginWanted(true);
      }
      await this.#refuse('replay', user, ip, path);
    }
    // The login of one that lacks only the right to recordings is good.
    if (!this.#refusal?.isOfRecordings && (this.#refusal?.ip === ip || this.#refusal?.user === user)) {
      this.#refusal = undefined;
    }
    letIn(request, true);
    return login as OnvifLogin;
  }

  /**
   * The fault for a good login says that the operation is prohibited: clients take NotAuthorized for a wrong password.
   * @throws PerchError a fault if the login may not play recordings of the path
   */
  requirePlayback(login: OnvifLogin | undefined, ip: string, path: string): void {
    const user = login?.user.slice(0, 64) ?? '';
    const before = this.#refusal?.isOfRecordings && this.#refusal.user === user ? this.#refusal : undefined;
    if (login?.mayPlay(path) === true) {
      this.#refusal = before?.path === path ? undefined : this.#refusal;
      return;
    }
    const { clock, log } = this.#deps;
    if (before?.ip !== ip || before.path !== path || clock.monoMs() - this.#refusedMs > REPEATED_MS) {
      this.#refusal = { why: 'rights', user, ip, path, timeMs: clock.wallMs(), isOfRecordings: true };
      this.#refusedMs = clock.monoMs();
      log.warn({ why: 'rights', right: 'playback', user, ip, path }, 'ONVIF recordings refused');
    }
    throw fault('this device password does not permit recordings: give it the right', 'OperationProhibited');
  }

  async #refuse(why: RejectionReason, user: string, ip: string, path: string): Promise<never> {
    const { clock, log, wrongCredentials } = this.#deps;
    this.#refusal = { why, user: user.slice(0, 64), ip, path, timeMs: clock.wallMs() };
    this.#refusedMs = clock.monoMs();
    log.warn({ why, user: user.slice(0, 64), ip, path }, 'ONVIF login refused');
    await wrongCredentials.pause(ip);
    throw new PerchError('unauthorized', REASONS[why], { codes: ['NotAuthorized'] });
  }
}
