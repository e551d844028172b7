import { PerchError } from '../../base/errors.ts';
import { type JoinedSignal, joinSignals } from '../../base/joined-signal.ts';
import type { HttpReply } from '../../http-client/reply-reader.ts';
import { type Challenge, type Credentials, parseChallenges } from '../../media/rtsp/digest.ts';
import { cameraError } from '../soap/http/failures.ts';
import { askCamera } from '../soap/http/http-exchange.ts';
import { httpOriginOf } from '../soap/http/origin.ts';
import type { CameraConnection, CameraGuard } from '../soap/http/persistent-connection.ts';
import type { LoginTurn } from '../soap/login/login-memory.ts';
import { answerTo } from '../soap/login/nonce-cache.ts';
import { originOf, type PictureAddress, targetOf } from './media-uri.ts';

const MAX_REDIRECTS = 3;
const MAX_REQUESTS = 8;
const END_OF_IMAGE = Buffer.from([0xff, 0xd9]);

interface SnapshotLogin {
  readonly credentials: Credentials;
  readonly isClearAllowed: boolean;
  /** Waits until the login may be sent. @throws PerchError if it may not */
  readonly turn: (signal: AbortSignal) => Promise<LoginTurn>;
}

interface SnapshotRequest {
  /** `http:` or `https:`, on the camera's own host. */
  readonly url: URL;
  /** For the request line; default: as `url` has it. */
  readonly target?: string;
  /** Host with the zone of a link-local address, which URL does not support. */
  readonly host?: string | undefined;
  readonly login: SnapshotLogin | undefined;
  readonly guard?: CameraGuard | undefined;
  readonly maxBytes: number;
  /** For all requests together, redirects included, without the wait for the login turn. */
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
}

/** `large`: exceeds `maxBytes`; `bytes` is known if the camera announces it. */
type Snapshot =
  | { readonly kind: 'jpeg'; readonly bytes: Buffer }
  | { readonly kind: 'large'; readonly bytes: number | undefined };

/** Fetches a JPEG. Credentials go only to the requested host, and only when it asks; redirects to other hosts are rejected. */
export async function fetchSnapshot(asked: SnapshotRequest): Promise<Snapshot> {
  const deadline = new Deadline(asked);
  const { host } = asked.url;
  try {
    return await follow(asked, deadline);
  } catch (cause) {
    if (cause instanceof PerchError && !deadline.isLate) {
      throw cause;
    }
    if (deadline.isLate) {
      throw new PerchError('timeout', `no picture from the camera at ${host} within ${asked.deadlineMs / 1000} s`, {
        host,
      });
    }
    throw new PerchError('unavailable', `cannot get a picture from the camera at ${host}`, { host }, cause);
  } finally {
    deadline.release();
  }
}

/** Restarts after the wait for the login turn, which is not the camera's delay. */
class Deadline {
  readonly #asked: SnapshotRequest;
  #joined: JoinedSignal;

  constructor(asked: SnapshotRequest) {
    this.#asked = asked;
    this.#joined = joinSignals([asked.signal], asked.deadlineMs);
  }

  get signal(): AbortSignal {
    return this.#joined.signal;
  }

  get isLate(): boolean {
    return this.#joined.isLate;
  }

  async turn(): Promise<LoginTurn | undefined> {
    const { login, signal, deadlineMs } = this.#asked;
    this.release();
    const turn = await login?.turn(signal);
    this.#joined = joinSignals([signal], deadlineMs);
    return turn;
  }

  release(): void {
    this.#joined.release();
  }
}

async function follow(asked: SnapshotRequest, deadline: Deadline): Promise<Snapshot> {
  let { url, target = url.pathname + url.search + url.hash } = asked;
  let challenge: Challenge | undefined;
  const tried = new Set<string>();
  let redirects = 0;
  for (let i = 0; i < MAX_REQUESTS; i += 1) {
    const turn = challenge && (await deadline.turn());
    try {
      const reply = await requestOn(asked, { url, target }, challenge, turn, deadline.signal);
      const { status, headers } = reply;
      const location = headers['location']?.[0];
      if (status === 200) {
        return read(reply, url.host);
      }
      if (status === 401) {
        if (challenge) {
          asked.guard?.recheck();
        }
        challenge = nextChallenge(headers, url, asked.login, tried, turn);
      } else if (status >= 300 && status < 400 && location !== undefined) {
        redirects += 1;
        url = redirected(url, location, redirects);
        target = targetOf(location.replace(/#.*/s, ''), url);
        // A digest covers the path, so the new address may ask again.
        tried.clear();
        challenge = undefined;
      } else {
        throw new PerchError('unavailable', `the camera replies HTTP ${status} instead of a picture`, {
          host: url.host,
          status,
        });
      }
    } finally {
      turn?.end();
    }
  }
  throw new PerchError('unavailable', `no picture from the camera after ${MAX_REQUESTS} requests`, { host: url.host });
}

function nextChallenge(
  headers: HttpReply['headers'],
  url: URL,
  login: SnapshotLogin | undefined,
  tried: Set<string>,
  answered: LoginTurn | undefined,
): Challenge {
  const { host } = url;
  const offered = parseChallenges(headers['www-authenticate'] ?? []);
  if (!login) {
    throw cameraError('wrongPassword', 'the camera asks for a user name and a password for its picture', { host });
  }
  // A stale nonce is not a rejection, once.
  const challengeKey = ({ scheme, algorithm, isStale }: Challenge): string => `${scheme} ${algorithm} ${isStale}`;
  const left = offered.filter((one) => !tried.has(challengeKey(one)));
  const isOld = left.some(({ isStale }) => isStale);
  if (answered && !isOld) {
    answered.refused();
  }
  const mayBeClear = url.protocol === 'https:' || login.isClearAllowed;
  // Only if digest is not offered: otherwise an attacker could strip it and read the password.
  const isDigestOffered = offered.some(({ scheme }) => scheme === 'digest');
  const challenge = left.find(({ scheme }) => scheme === 'digest' || (mayBeClear && !isDigestOffered));
  if (challenge) {
    tried.add(challengeKey(challenge));
    return challenge;
  }
  const words = answered
    ? 'the camera refuses this user name or password for its picture'
    : 'the camera accepts the password for its picture only unencrypted, which is not allowed for it ("clearPassword": true)';
  throw cameraError(answered ? 'wrongPassword' : 'clearPassword', words, { host });
}

function redirected(from: URL, location: string, redirects: number): URL {
  const url = URL.canParse(location, from) ? new URL(location, from) : undefined;
  const context = { host: from.host };
  if (redirects > MAX_REDIRECTS) {
    throw new PerchError('unavailable', `the camera redirects more than ${MAX_REDIRECTS} times`, context);
  }
  const isDown = from.protocol === 'https:' && url?.protocol !== 'https:';
  if ((url?.protocol !== 'http:' && url?.protocol !== 'https:') || isDown || url.hostname !== from.hostname) {
    throw new PerchError(
      'unsupported',
      `the camera redirects its picture to ${url ? originOf(url) : 'an invalid address'}`,
      context,
    );
  }
  url.hash = '';
  url.username = '';
  url.password = '';
  return url;
}

async function requestOn(
  { host, guard, login, maxBytes }: SnapshotRequest,
  { url, target: path }: PictureAddress,
  challenge: Challenge | undefined,
  turn: LoginTurn | undefined,
  signal: AbortSignal,
): Promise<HttpReply> {
  const origin = { ...httpOriginOf(url), ...(host === undefined ? {} : { host }) };
  let isSent = false;
  const sendOn = (connection: CameraConnection | undefined) => {
    isSent = true;
    const headers: Record<string, string> = { Accept: 'image/jpeg, */*' };
    if (challenge && login) {
      headers['Authorization'] = answerTo(challenge, login.credentials, { method: 'GET', uri: path });
    }
    // The login is accepted even if the picture then fails.
    const onStatus = (status: number): void => (status === 200 ? turn?.accepted() : undefined);
    return askCamera({ origin, method: 'GET', path, headers, maxBytes, signal, connection, onStatus });
  };
  try {
    return await (guard ? guard.call(origin, true, sendOn) : sendOn(undefined));
  } catch (error) {
    if (isSent) {
      turn?.lost();
    } else {
      turn?.end();
    }
    throw error;
  }
}

function read({ body, excess, isShort }: HttpReply, host: string): Snapshot {
  if (excess) {
    return { kind: 'large', bytes: excess.bytes };
  }
  const sizeBytes = body.length;
  // Regardless of Content-Type: SOI and the marker after it, ISO/IEC 10918-1 §B.1.1.3.
  if (sizeBytes < 4 || body[0] !== 0xff || body[1] !== 0xd8 || body[2] !== 0xff) {
    throw new PerchError('badInput', 'the picture of the camera is not a JPEG', { host, sizeBytes });
  }
  // Some cameras announce more than they send: a picture that has its end (EOI) is whole.
  // After the end of a picture.
  if (isShort && body.lastIndexOf(END_OF_IMAGE) < Math.max(0, sizeBytes - 64)) {
    throw new PerchError('unavailable', 'the camera closed the connection inside its picture', { host, sizeBytes });
  }
  return { kind: 'jpeg', bytes: body };
}
