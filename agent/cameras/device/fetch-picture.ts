import { createHash, randomBytes } from 'node:crypto';
import { type IncomingMessage, request } from 'node:http';
import { PerchError } from '../../base/errors.ts';
import {
  authorization,
  type Challenge,
  type Credentials,
  type Hash,
  parseChallenges,
} from '../../media/rtsp/digest.ts';

const MAX_REDIRECTS = 3;
const MAX_REQUESTS = 8;
const CLIENT_NONCE_BYTES = 8;

export interface PictureRequest {
  /** `http:`, on the camera's own host. */
  readonly url: URL;
  readonly credentials: Credentials | undefined;
  /** A larger one is not read. */
  readonly maxBytes: number;
  /** For everything, redirects and logins among it. */
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
  const deadline = AbortSignal.timeout(asked.deadlineMs);
  const signal = AbortSignal.any([asked.signal, deadline]);
  const { host } = asked.url;
  try {
    return await follow(asked, signal);
  } catch (cause) {
    if (cause instanceof PerchError) {
      throw cause;
    }
    if (deadline.aborted) {
      throw new PerchError('timeout', `no picture from the camera at ${host} within ${asked.deadlineMs / 1000} s`, {
        host,
      });
    }
    throw new PerchError('unavailable', `cannot get a picture from the camera at ${host}`, { host }, cause);
  }
}

async function follow(asked: PictureRequest, signal: AbortSignal): Promise<Picture> {
  let { url } = asked;
  let challenge: Challenge | undefined;
  const tried = new Set<string>();
  let redirects = 0;
  for (let i = 0; i < MAX_REQUESTS; i += 1) {
    const response = await send(url, answerTo(challenge, asked.credentials, url), signal);
    const status = response.statusCode ?? 0;
    if (status === 200) {
      return read(response, asked.maxBytes, url.host);
    }
    response.destroy();
    if (status === 401) {
      challenge = nextChallenge(response, asked, tried);
    } else if (status >= 300 && status < 400 && response.headers.location !== undefined) {
      redirects += 1;
      url = redirected(url, response.headers.location, redirects);
      // Another address is another request: a digest is made anew, and may be asked for again.
      tried.clear();
    } else {
      throw new PerchError('unavailable', `the camera answers HTTP ${status} instead of a picture`, {
        host: url.host,
        status,
      });
    }
  }
  throw new PerchError('unavailable', `the camera gives no picture in ${MAX_REQUESTS} requests`, { host: url.host });
}

function nextChallenge(response: IncomingMessage, { credentials, url }: PictureRequest, tried: Set<string>): Challenge {
  const challenges = parseChallenges(response.headersDistinct['www-authenticate'] ?? []);
  // A nonce that has grown old is no refusal, once.
  const keyOf = ({ scheme, algorithm, isStale }: Challenge): string => `${scheme} ${algorithm} ${isStale}`;
  const challenge = credentials && challenges.find((one) => !tried.has(keyOf(one)));
  if (!challenge) {
    const words = credentials ? 'refuses this user name or password' : 'asks for a user name and a password';
    throw new PerchError('unauthorized', `the camera ${words} for its picture`, { host: url.host });
  }
  tried.add(keyOf(challenge));
  return challenge;
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

const hash: Hash = (algorithm, text) => createHash(algorithm).update(text).digest('hex');

function redirected(from: URL, location: string, redirects: number): URL {
  const url = URL.canParse(location, from) ? new URL(location, from) : undefined;
  const context = { host: from.host };
  if (redirects > MAX_REDIRECTS) {
    throw new PerchError('unavailable', `the camera sends us on more than ${MAX_REDIRECTS} times`, context);
  }
  if (url?.protocol !== 'http:' || url.hostname !== from.hostname) {
    throw new PerchError(
      'unsupported',
      `the camera sends us elsewhere for its picture: to ${url ? originOf(url) : 'what is no address'}`,
      context,
    );
  }
  return url;
}

/** What may be told of an address: cameras put names and passwords before the host and into the query. */
export function originOf({ protocol, host }: URL): string {
  return `${protocol}//${host}`.slice(0, 100);
}

function send(url: URL, login: string | undefined, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sent = request({
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: Number(url.port || 80),
      path: url.pathname + url.search,
      // Some boards break when a connection is used again.
      agent: false,
      headers: {
        Connection: 'close',
        Accept: 'image/jpeg, */*',
        ...(login === undefined ? {} : { Authorization: login }),
      },
      signal,
    });
    sent.on('error', reject);
    sent.on('response', resolve);
    // Also without an error: Node says nothing else of one that wants to switch protocols.
    sent.on('close', () => reject(new Error('it closed the connection without an answer')));
    sent.end();
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
