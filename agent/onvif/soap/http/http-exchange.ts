import { constants } from 'node:crypto';
import { type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { PerchError } from '../../../base/errors.ts';
import { joinSignals } from '../../../base/joined-signal.ts';
import { sharedPins } from './certificate-pins.ts';
import { cameraError } from './failures.ts';
import type { KeptConnection } from './kept-connection.ts';

/** A camera is in the same house: who has not taken the connection by then is not there. */
const CONNECT_MS = 2_000;

/** Why a call did not get through, in words for people. */
const CAUSES: Record<string, string> = {
  ECONNREFUSED: 'it refuses the connection: check address and port, and that ONVIF is on in the camera',
  EHOSTUNREACH: 'nothing answers there: is it on?',
  EHOSTDOWN: 'nothing answers there: is it on?',
  ETIMEDOUT: 'nothing answers there: is it on?',
  ENETUNREACH: 'there is no network to it',
  EADDRNOTAVAIL: 'there is no network to it',
  ENOTFOUND: 'no device with this name is known',
  EAI_AGAIN: 'the name cannot be looked up now',
  ECONNRESET: 'it broke the connection',
  EPIPE: 'it broke the connection',
  EPROTO: 'it does not speak https there',
};

/** Where a request goes. The host is the one that the caller knows: never one that a reply has named. */
export interface HttpPlace {
  readonly isSecure: boolean;
  /** Without the brackets of IPv6, with the zone of a link-local address: `fe80::1%eth0`. */
  readonly host: string;
  readonly port: number;
}

export interface HttpRequest {
  readonly place: HttpPlace;
  readonly method: 'GET' | 'POST';
  /** With the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** A longer reply is broken off. */
  readonly maxBytes: number;
  /** From the first byte to the last: an idle timeout never ends a camera that sends a byte a second. */
  readonly deadlineMs: number;
  /** What people are told of it, where this is one request of several. */
  readonly toldMs?: number;
  readonly signal: AbortSignal;
  /** One of its own when not given, which ends with the answer: some boards break when a connection is used again. */
  readonly connection?: KeptConnection | undefined;
}

export interface HttpReply {
  readonly status: number;
  /** Each value of a repeated header for itself: joined with commas, challenges cannot be told apart. */
  readonly headers: NodeJS.Dict<string[]>;
  readonly body: Buffer;
  /** Over https: an authority that this machine knows has signed for it. Cameras sign for themselves. */
  readonly isTrusted: boolean | undefined;
}

/** The place that an address names. */
export function placeOf(url: URL): HttpPlace {
  const isSecure = url.protocol === 'https:';
  return { isSecure, host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || (isSecure ? 443 : 80)) };
}

/**
 * An http address with the zone of a link-local one (`http://[fe80::1%25eth0]/`, RFC 6874), which URL does not know.
 * @returns undefined when it is none
 */
export function parseHttpUrl(text: string): { readonly url: URL; readonly place: HttpPlace } | undefined {
  const [, zone] = /^[^/]*\/\/[^/]*\[[\da-f:.]+%(?:25)?([\w.~-]{1,32})\]/i.exec(text) ?? [];
  const plain = zone === undefined ? text : text.replace(/%(?:25)?[\w.~-]+\]/, ']');
  const url = URL.canParse(plain) ? new URL(plain) : undefined;
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    return undefined;
  }
  const place = placeOf(url);
  return { url, place: zone === undefined ? place : { ...place, host: `${place.host}%${zone}` } };
}

/** `host:port`, for people and as a key. */
export function nameOf({ host, port }: HttpPlace): string {
  return `${bracketed(host)}:${port}`;
}

const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host);

/** For the `Host` header and addresses: a zone is nothing that a camera knows. */
export function plainNameOf(place: HttpPlace): string {
  return nameOf({ ...place, host: place.host.replace(/%.*/, '') });
}

/** One request and its whole answer. @throws PerchError unreachable, timeout, badReply, notOnvif: whatever goes wrong */
export async function exchange(asked: HttpRequest): Promise<HttpReply> {
  const deadline = joinSignals([asked.signal], asked.deadlineMs);
  try {
    return await receive(asked, deadline.signal);
  } catch (cause) {
    if (cause instanceof PerchError) {
      throw cause;
    }
    const name = nameOf(asked.place);
    const { host, port } = asked.place;
    if (deadline.isLate) {
      throw noAnswer(asked.place, asked.toldMs ?? asked.deadlineMs);
    }
    if (asked.signal.aborted) {
      throw new PerchError('unavailable', `the call to the camera at ${name} was given up`, { host, port });
    }
    const { code = '', message } = cause as NodeJS.ErrnoException;
    if (code.startsWith('HPE_')) {
      throw cameraError('notOnvif', `what answers at ${name} does not speak HTTP`, { host, port });
    }
    const reason = CAUSES[code.startsWith('ERR_SSL') ? 'EPROTO' : code] ?? message;
    throw cameraError('unreachable', `cannot reach the camera at ${name}: ${reason}`, { host, port, errno: code });
  } finally {
    deadline.release();
  }
}

export function noAnswer(place: HttpPlace, withinMs: number): PerchError {
  const { host, port } = place;
  return cameraError('timeout', `no answer from the camera at ${nameOf(place)} within ${withinMs / 1000} s`, {
    host,
    port,
  });
}

/** What is sent, not yet ended. Also for those who read the answer as it comes. */
export function openRequest(asked: Omit<HttpRequest, 'maxBytes' | 'deadlineMs' | 'toldMs' | 'body'>): ClientRequest {
  const { isSecure, host, port } = asked.place;
  const kept = asked.connection?.agentFor(asked.place);
  const options = {
    host,
    port,
    path: asked.path,
    method: asked.method,
    agent: kept ?? (false as const),
    headers: {
      Host: plainNameOf(asked.place),
      ...asked.headers,
      Connection: kept ? 'keep-alive' : 'close',
    },
    signal: asked.signal,
  };
  if (!isSecure) {
    return requestHttp(options);
  }
  return requestHttps({
    ...options,
    servername: isIP(host) === 0 ? host : '',
    // Cameras sign for themselves, and old ones know neither TLS 1.2 nor long keys: `endRequest` looks at the certificate.
    rejectUnauthorized: false,
    minVersion: 'TLSv1',
    ciphers: 'DEFAULT@SECLEVEL=0',
    secureOptions: constants.SSL_OP_LEGACY_SERVER_CONNECT,
  });
}

function receive(asked: HttpRequest, signal: AbortSignal): Promise<HttpReply> {
  return new Promise((resolve, reject) => {
    const sent = openRequest({ ...asked, signal });
    let isTrusted: boolean | undefined;
    let isAnswered = false;
    sent.on('error', reject);
    sent.on('socket', (socket) => {
      limitConnecting(sent, socket, asked.place.isSecure);
      if (sent.reusedSocket) {
        isTrusted = (socket as TLSSocket).authorized;
        return;
      }
      socket.once('secureConnect', () => {
        isTrusted = (socket as TLSSocket).authorized;
      });
    });
    // Also without an error: Node says nothing else of one that wants to switch protocols.
    sent.on('close', () => {
      if (!isAnswered) {
        reject(cut('it closed the connection without an answer'));
      }
    });
    sent.on('response', (response) => {
      isAnswered = true;
      collect(sent, response, asked).then(
        (body) => resolve({ status: response.statusCode ?? 0, headers: response.headersDistinct, body, isTrusted }),
        reject,
      );
    });
    endRequest(sent, asked.place, asked.body);
  });
}

/** Sends what was opened: over https as soon as the connection has shown the certificate that the camera must have. */
export function endRequest(sent: ClientRequest, place: HttpPlace, body = ''): void {
  if (!place.isSecure) {
    sent.end(body);
    return;
  }
  sent.once('socket', (socket) => {
    const check = () => {
      const failure = sharedPins.failureOf(place, socket as TLSSocket);
      if (failure) {
        sent.destroy(failure);
      } else {
        sent.end(body);
      }
    };
    if (sent.reusedSocket) {
      check();
    } else {
      socket.once('secureConnect', check);
    }
  });
}

/** TCP alone would go on for two minutes. */
export function limitConnecting(sent: ClientRequest, socket: Socket, isSecure: boolean): void {
  if (sent.reusedSocket) {
    return;
  }
  const late = (): unknown => sent.destroy(Object.assign(new Error('no connection'), { code: 'ETIMEDOUT' }));
  const timer = setTimeout(late, CONNECT_MS);
  socket.once(isSecure ? 'secureConnect' : 'connect', () => clearTimeout(timer));
  socket.once('close', () => clearTimeout(timer));
}

function collect(sent: ClientRequest, response: IncomingMessage, { maxBytes, place }: HttpRequest): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    response.on('error', reject);
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      chunks.push(chunk);
      if (bytes > maxBytes) {
        sent.destroy();
        reject(cameraError('badReply', `reply of more than ${maxBytes} bytes`, { host: place.host }));
      }
    });
    response.on('end', () => resolve(Buffer.concat(chunks)));
    response.on('close', () => reject(cut('it closed the connection inside its reply')));
  });
}

const cut = (words: string): Error => Object.assign(new Error(words), { code: 'ECUT' });
