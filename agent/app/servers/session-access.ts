import { type PairedServers, userOfServer } from '../../auth/pairing/paired-servers.ts';
import type { Authority } from '../../auth/permissions/authorize.ts';
import type { Identity } from '../../auth/permissions/identity.ts';
import type { WrongCredentials } from '../../auth/throttle/wrong-credentials.ts';
import type { Logger } from '../../base/log.ts';
import { canonicalIp, isLoopbackIp, isPrivateIp } from '../../base/network/ip-address.ts';
import type { SessionAccess, SessionRequester } from '../../protocols/contract.ts';

/** A token in the query string. A wrong one counts as a guess. */
const QUERY_TOKEN = /(?:^|&)(?:token|jwt)=./;

/** Programs started by Perch. */
interface OwnPrograms {
  /** Whether this local connection belongs to a program whose command names the path. */
  isFor(path: string, connection: NonNullable<SessionRequester['connection']>): boolean;
}

type Decisions = Pick<Authority, 'authorize' | 'offersDigest' | 'noteWrongDigest'>;

/** Checks permissions of protocols other than HTTP with the authority that all share. */
export class SessionAuthority implements SessionAccess {
  readonly #authority: Decisions;
  readonly #wrongCredentials: WrongCredentials;
  readonly #log: Logger;
  readonly #programs: OwnPrograms | undefined;

  /** @param wrongCredentials shared with HTTP: two ports do not allow faster guessing */
  constructor(authority: Decisions, wrongCredentials: WrongCredentials, log: Logger, programs?: OwnPrograms) {
    this.#authority = authority;
    this.#wrongCredentials = wrongCredentials;
    this.#log = log;
    this.#programs = programs;
  }

  async authorize(
    action: 'read' | 'publish' | 'playback',
    path: string,
    requester: SessionRequester,
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
    const { allowed, reason, challenge, isKnown, isGuess, user: name, unknown } = decision;
    if (allowed) {
      return { user: name ?? user ?? '' };
    }
    if (unknown) {
      throw unknown;
    }
    if (hasCredentials || isGuess || (isKnown && mayHaveToken)) {
      const facts = { reason, action, path, ip, user, protocol: requester.protocol };
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

  offersDigest(
    action: 'read' | 'publish' | 'playback',
    path: string,
    { ip, protocol }: Pick<SessionRequester, 'ip' | 'protocol'>,
  ): boolean {
    return this.#authority.offersDigest(action, path, canonicalIp(ip) ?? ip, protocol);
  }

  beginGuess(path: string, { ip: text, protocol }: Pick<SessionRequester, 'ip' | 'protocol'>): () => Promise<void> {
    const ip = canonicalIp(text) ?? text;
    this.#wrongCredentials.checkRoom(ip);
    return async () => {
      this.#log.warn({ reason: 'wrong passphrase', path, ip, protocol }, 'failed to authenticate');
      // libsrt gives up after 3 s.
      await this.#wrongCredentials.pause(ip, 2_500);
    };
  }
}

/** Access of a paired server's connection, whose requests need no other login. */
export function accessOfServer(
  server: string,
  authority: Pick<Authority, 'authorize'>,
  servers: Pick<PairedServers, 'find'>,
): SessionAccess {
  return {
    async authorize(action, path, requester) {
      const identity = { ...identityOf({ ...requester, credentials: undefined }), server };
      const { allowed, user = '' } = await authority.authorize(action, path, identity);
      return allowed ? { user } : 'refused';
    },
    offersDigest: () => false,
    beginGuess: () => async () => {},
    talker: (path) => (servers.find(server)?.may('talk', path) ? userOfServer(server) : undefined),
  };
}

function identityOf({ ip: text, protocol, credentials, id, query, userAgent }: SessionRequester): Identity {
  const ip = canonicalIp(text) ?? text;
  const { user, password, proves } = credentials ?? {};
  return {
    ip,
    isLoopback: isLoopbackIp(ip),
    isPrivate: isPrivateIp(ip),
    request: { protocol, mayHaveQueryToken: true, id, query, userAgent },
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { password }),
    ...(proves === undefined ? {} : { proves }),
  };
}
