import { isLoopbackIp } from '../../base/network/ip-address.ts';
import type { AuthRequest } from './api-auth.ts';

/** MediaMTX's actions, and `admin`: the web UI itself (settings, users, cameras). */
export type Action = 'read' | 'publish' | 'playback' | 'api' | 'metrics' | 'pprof' | 'admin';

/** The requester, as far as the protocol's server could verify it. */
export interface Identity {
  /** Canonical; the client's own behind a trusted proxy. */
  readonly ip: string;
  /** Whether it is a program on this box: neither a request through a proxy nor a browser's for a foreign web page. */
  readonly isLoopback: boolean;
  /** Whether it comes from a private network, not through an unknown proxy. Loopback is private. */
  readonly isPrivate: boolean;
  /** Whether a page of another device may have caused the request of a browser in a private network. */
  readonly mayBeForged?: boolean;
  readonly user?: string;
  readonly password?: string;
  /** Whether the HTTP Digest response was made with a given password. Sent instead of a password. */
  readonly proves?: (password: string) => boolean;
  /** A bearer token other than name and password. */
  readonly token?: string;
  /** User of the session cookie, or the guest of the link's cookie. */
  readonly sessionUser?: string;
  /** The request has a cookie of a session or link that is not known. */
  readonly hasCookie?: boolean;
  /** Whether it is a program that Perch has started, with a command that names the path. */
  readonly isOwnProgram?: boolean;
  /** Id of the paired server that has signed the request. Nothing else counts then. */
  readonly server?: string;
  /** Absent if only the person matters. */
  readonly request?: RequestFacts;
}

type RequestFacts = Pick<AuthRequest, 'protocol' | 'mayHaveQueryToken' | 'id' | 'query' | 'userAgent'>;

export const hasCredentials = ({ user, password, token }: Identity): boolean => Boolean(user || password || token);

/** RTMP and SRT reveal a password to anyone on the network path, so they accept only device passwords, which can be revoked. */
export const mayBePagePassword = ({ request }: Identity): boolean =>
  request?.mayHaveQueryToken !== true || request.protocol === 'rtsp';

const NO_FACTS: RequestFacts = { protocol: '', id: null, query: '', userAgent: '' };

export const toAuthRequest = (action: Action, path: string, identity: Identity): AuthRequest => ({
  action,
  path,
  ip: identity.ip,
  // An `ips` entry for loopback means local programs, not requests through a proxy or a web page.
  isIpKnown: identity.isLoopback || !isLoopbackIp(identity.ip),
  user: identity.user ?? '',
  password: identity.password ?? '',
  proves: identity.proves,
  token: identity.token ?? '',
  ...(identity.request ?? NO_FACTS),
});
