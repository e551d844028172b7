import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { PerchError } from '../../base/errors.ts';
import { type JoinedSignal, joinSignals } from '../../base/joined-signal.ts';
import { authorization, type Challenge, type Credentials, parseChallenges } from '../../media/rtsp/digest.ts';
import type { CameraGuard } from '../soap/http/camera-guard.ts';
import { cameraError } from '../soap/http/failures.ts';
import { endRequest, limitConnecting, openRequest, placeOf } from '../soap/http/http-exchange.ts';
import type { KeptConnection } from '../soap/http/kept-connection.ts';
import { hash } from '../soap/login/digest-hash.ts';
import type { LoginTurn } from '../soap/login/login-memory.ts';
import { originOf } from './snapshot-address.ts';

const MAX_REDIRECTS = 3;
const MAX_REQUESTS = 8;
const CLIENT_NONCE_BYTES = 8;

export interface PictureLogin {
  readonly credentials: Credentials;
  /** The password may go where anybody in the network can read it. */
  readonly isClearAllowed: boolean;
  /** Resolves when it may be shown. @throws PerchError when it may not */
  readonly turn: (signal: AbortSignal) => Promise<LoginTurn>;
}

export interface PictureRequest {
  /** `http:` or `https:`, on the camera's own host. */
  readonly url: URL;
  /** Of the url, with the zone of a link-local address, which URL does not know. */
  readonly host?: string | undefined;
  readonly login: PictureLogin | undefined;
  readonly guard?: CameraGuard | undefined;
  /** A larger one is not read. */
  readonly maxBytes: number;
  /** For everything, redirects and logins among it; not for the wait until the login may be shown. */
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
}

/** `large`: more than was asked for; how large is known when the camera said so. */
export type Picture =
  | { readonly kind: 'jpeg'; readonly bytes: Buffer }
  | { readonly kind: 'large'; readonly bytes: number | undefined };

/**
 * Fetches a JPEG from a camera. The name and the password go nowhere but to the host that is asked, and only when it asks for them;
 * where it sends us to another host, nobody goes.
 */
export async function fetchPicture(asked: PictureRequest): Promise<Picture> {
  const deadline = new Deadline(asked);
  const { host } = asked.url;
  try {
    return await follow(asked, deadline);
  } catch (cause) {
    if (cause instanceof PerchError) {
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

/** Begins anew once the login may be shown: that others wait for an answer is not the camera's delay. */
class Deadline {
  readonly #asked: PictureRequest;
  #joined: JoinedSignal;

  constructor(asked: PictureRequest) {
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

async function follow(asked: PictureRequest, deadline: Deadline): Promise<Picture> {
  let { url } = asked;
  let challenge: Challenge | undefined;
  const tried = new Set<string>();
  let redirects = 0;
  for (let i = 0; i < MAX_REQUESTS; i += 1) {
    const turn = challenge && (await deadline.turn());
    try {
      const response = await ask(asked, url, challenge, turn, deadline.signal);
      const status = response.statusCode ?? 0;
      if (status === 200) {
        turn?.accepted();
        return read(response, asked.maxBytes, url.host);
      }
      response.destroy();
      if (status === 401) {
        if (challenge) {
          asked.guard?.doubt();
        }
        challenge = nextChallenge(response, url, asked.login, tried, turn);
      } else if (status >= 300 && status < 400 && response.headers.location !== undefined) {
        redirects += 1;
        url = redirected(url, response.headers.location, redirects);
        // Another address is another request: a digest is made anew, and may be asked for again.
        tried.clear();
        challenge = undefined;
      } else {
        throw new PerchError('unavailable', `the camera answers HTTP ${status} instead of a picture`, {
          host: url.host,
          status,
        });
      }
    } finally {
      turn?.end();
    }
  }
  throw new PerchError('unavailable', `the camera gives no picture in ${MAX_REQUESTS} requests`, { host: url.host });
}

function nextChallenge(
  response: IncomingMessage,
  url: URL,
  login: PictureLogin | undefined,
  tried: Set<string>,
  answered: LoginTurn | undefined,
): Challenge {
  const { host } = url;
  const offered = parseChallenges(response.headersDistinct['www-authenticate'] ?? []);
  if (!login) {
    throw cameraError('wrongPassword', 'the camera asks for a user name and a password for its picture', { host });
  }
  // A nonce that has grown old is no refusal, once.
  const keyOf = ({ scheme, algorithm, isStale }: Challenge): string => `${scheme} ${algorithm} ${isStale}`;
  const left = offered.filter((one) => !tried.has(keyOf(one)));
  const isOld = left.some(({ isStale }) => isStale);
  if (answered && !isOld) {
    answered.refused();
  }
  const mayBeClear = url.protocol === 'https:' || login.isClearAllowed;
  // Only if it is all that is offered: else whoever is in between takes the digest away and gets the password.
  const isDigestOffered = offered.some(({ scheme }) => scheme === 'digest');
  const challenge = left.find(({ scheme }) => scheme === 'digest' || (mayBeClear && !isDigestOffered));
  if (challenge) {
    tried.add(keyOf(challenge));
    return challenge;
  }
  const words = answered
    ? 'the camera refuses this user name or password for its picture'
    : 'the camera takes the password for its picture in the clear only, which is not allowed for it ("clearPassword": true)';
  throw cameraError(answered ? 'wrongPassword' : 'clearPassword', words, { host });
}

function answerTo(
  challenge: Challenge | undefined,
  credentials: Credentials | undefined,
  url: URL,
): string | undefined {
  if (!challenge || !credentials) {
    return undefined;
  }
  const clientNonce = randomBytes(CLIENT_NONCE_BYTES).toString('hex');
  return authorization(
    challenge,
    credentials,
    { method: 'GET', uri: url.pathname + url.search, clientNonce, count: 1 },
    hash,
  );
}

function redirected(from: URL, location: string, redirects: number): URL {
  const url = URL.canParse(location, from) ? new URL(location, from) : undefined;
  const context = { host: from.host };
  if (redirects > MAX_REDIRECTS) {
    throw new PerchError('unavailable', `the camera sends us on more than ${MAX_REDIRECTS} times`, context);
  }
  const isDown = from.protocol === 'https:' && url?.protocol !== 'https:';
  if ((url?.protocol !== 'http:' && url?.protocol !== 'https:') || isDown || url.hostname !== from.hostname) {
    throw new PerchError(
      'unsupported',
      `the camera sends us elsewhere for its picture: to ${url ? originOf(url) : 'what is no address'}`,
      context,
    );
  }
  return url;
}

async function ask(
  { host, guard, login }: PictureRequest,
  url: URL,
  challenge: Challenge | undefined,
  turn: LoginTurn | undefined,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const place = { ...placeOf(url), ...(host === undefined ? {} : { host }) };
  let isSent = false;
  const sendOn = (connection: KeptConnection | undefined) => {
    isSent = true;
    const answer = answerTo(challenge, login?.credentials, url);
    const headers = { Accept: 'image/jpeg, */*', ...(answer === undefined ? {} : { Authorization: answer }) };
    return send({ place, method: 'GET', path: url.pathname + url.search, headers, signal, connection });
  };
  try {
    return await (guard ? guard.call(place, true, sendOn) : sendOn(undefined));
  } catch (error) {
    if (isSent) {
      turn?.lost();
    } else {
      turn?.end();
    }
    throw error;
  }
}

function send(asked: Parameters<typeof openRequest>[0]): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sent = openRequest(asked);
    sent.on('socket', (socket) => limitConnecting(sent, socket, asked.place.isSecure));
    sent.on('error', reject);
    sent.on('response', resolve);
    // Also without an error: Node says nothing else of one that wants to switch protocols.
    sent.on('close', () => reject(new Error('it closed the connection without an answer')));
    endRequest(sent, asked.place);
  });
}

async function read(response: IncomingMessage, maxBytes: number, host: string): Promise<Picture> {
  const announced = Number(response.headers['content-length'] ?? 0);
  if (announced > maxBytes) {
    response.destroy();
    return { kind: 'large', bytes: announced };
  }
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > maxBytes) {
      response.destroy();
      return { kind: 'large', bytes: undefined };
    }
    chunks.push(chunk);
  }
  const bytes = Buffer.concat(chunks);
  // Whatever it calls it: ISO/IEC 10918-1 §B.1.1.3, SOI and the marker that follows it.
  if (bytes.length < 4 || bytes[0] !== 0xff || bytes[1] !== 0xd8 || bytes[2] !== 0xff) {
    throw new PerchError('badInput', 'what the camera gives as a picture is no JPEG', { host, sizeBytes });
  }
  return { kind: 'jpeg', bytes };
}
