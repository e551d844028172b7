import type { Authority, Identity } from '../../auth/permissions/authorize.ts';
import type { WrongCredentials } from '../../auth/throttle/wrong-credentials.ts';
import { canonicalIp, isLoopbackIp, isPrivateIp } from '../../base/ip-address.ts';
import type { Logger } from '../../base/log.ts';
import type { RtspAccess, RtspRequester } from './session/contracts.ts';

/** What may be a token in a query: that may be a guess, too. */
const QUERY_TOKEN = /(?:^|&)(?:token|jwt)=./;

/** Knows the programs that Perch itself has started. */
export interface OwnPrograms {
  /** Whether this connection, on this machine, is that of a program whose command names this path. */
  isFor(path: string, connection: NonNullable<RtspRequester['connection']>): boolean;
}

type RtspDecisions = Pick<Authority, 'authorize' | 'offersDigest' | 'noteWrongDigest'>;

/** Asks who may use RTSP where it is decided for every protocol. */
export class RtspAuthority implements RtspAccess {
  readonly #authority: RtspDecisions;
  readonly #wrongCredentials: WrongCredentials;
  readonly #log: Logger;
  readonly #programs: OwnPrograms | undefined;

  /** @param wrongCredentials the same as HTTP's: guessing on two ports is not faster than on one */
  constructor(authority: RtspDecisions, wrongCredentials: WrongCredentials, log: Logger, programs?: OwnPrograms) {
    this.#authority = authority;
    this.#wrongCredentials = wrongCredentials;
    this.#log = log;
    this.#programs = programs;
  }

  async authorize(
    action: 'read' | 'publish',
    path: string,
    requester: RtspRequester,
  ): Promise<'refused' | 'challenge' | { readonly user: string }> {
    const asked = identityOf(requester);
    const { connection } = requester;
    const isOurs = asked.isLoopback && connection !== undefined && this.#programs?.isFor(path, connection);
    const identity = isOurs ? { ...asked, isOwnProgram: true } : asked;
    const { ip, user, password } = identity;
    const hasCredentials = requester.credentials !== undefined && [user, password, identity.proves].some(Boolean);
    const mayHaveToken = QUERY_TOKEN.test(requester.query);
    if (hasCredentials || mayHaveToken) {
      this.#wrongCredentials.checkRoom(ip);
    }
    const decision = await this.#authority.authorize(action, path, identity);
    const { allowed, reason, challenge, isKnown, isGuess, user: name } = decision;
    if (allowed) {
      return { user: name ?? user ?? '' };
    }
    if (hasCredentials || isGuess || (isKnown && mayHaveToken)) {
      const facts = { reason, action, path, ip, user, protocol: 'rtsp' };
      if (isKnown) {
        this.#log.info(facts, 'not permitted');
      } else {
        this.#log.warn(facts, 'failed to authenticate');
        if (identity.proves) {
          this.#authority.noteWrongDigest(ip);
        }
      }
      await this.#wrongCredentials.pause(ip);
    }
    return challenge ? 'challenge' : 'refused';
  }

  offersDigest(action: 'read' | 'publish', path: string, ip: string): boolean {
    return this.#authority.offersDigest(action, path, canonicalIp(ip) ?? ip);
  }
}

function identityOf({ ip: text, credentials, id, query, userAgent }: RtspRequester): Identity {
  const ip = canonicalIp(text) ?? text;
  const { user, password, proves } = credentials ?? {};
  return {
    ip,
    isLoopback: isLoopbackIp(ip),
    isPrivate: isPrivateIp(ip),
    request: { protocol: 'rtsp', id, query, userAgent },
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { password }),
    ...(proves === undefined ? {} : { proves }),
  };
}
