import { createHash } from 'node:crypto';
import {
  type ClientRequest,
  type IncomingMessage,
  Agent as PlainAgent,
  request as plainRequest,
  type RequestOptions,
} from 'node:http';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';
import { isIP } from 'node:net';
import { AwsV4Signer } from 'aws4fetch';
import { checkedLookup } from '../../../base/network/checked-lookup.ts';
import { readBody } from '../../../base/network/http-client.ts';
import { canonicalIp, isPrivateIp } from '../../../base/network/ip-address.ts';
import { archiveFailure, connectionFailure } from '../storage/failure.ts';
import { needsPrivateAddress, type TargetSettings } from '../storage/settings.ts';

/** Bytes sent in one step: the rate limit counts in these steps. */
const SLICE_BYTES = 64 << 10;
const EMPTY = new Uint8Array();

interface S3Request {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  /** Key of the object; absent: the request is for the bucket itself. */
  readonly key?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** SHA-256 of the body in hex, if it is known. */
  readonly sha256?: string;
  /** Maximum size of the response body. Default: enough for a list. */
  readonly maxBytes?: number;
  readonly pace?: (bytes: number) => Promise<void>;
  readonly signal: AbortSignal;
}

export interface S3Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** Signed requests to one bucket (AWS Signature Version 4). Never follows a redirect, which could lead anywhere. */
export class S3Client {
  readonly #settings: TargetSettings;
  readonly #base: URL;
  readonly #wallMs: () => number;
  readonly #isPrivate: boolean;
  readonly #agent: PlainAgent | TlsAgent;

  /** @throws PerchError for plain http to a public address */
  constructor(settings: TargetSettings, wallMs: () => number, maxConnections = 2) {
    const url = new URL(settings.archiveURL);
    if (!settings.archivePathStyle) {
      url.hostname = `${settings.archiveBucket}.${url.hostname}`;
    }
    this.#settings = settings;
    this.#base = url;
    this.#wallMs = wallMs;
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
    this.#isPrivate = needsPrivateAddress(settings);
    if (this.#isPrivate && isIP(host) !== 0) {
      requirePrivate([canonicalIp(host) ?? ''], this.host, this.#isTls);
    }
    const options = { keepAlive: true, maxSockets: maxConnections };
    this.#agent = this.#isTls ? new TlsAgent(options) : new PlainAgent(options);
  }

  /** Host and port. */
  get host(): string {
    return this.#base.host;
  }

  get #isTls(): boolean {
    return this.#base.protocol === 'https:';
  }

  async send(request: S3Request): Promise<S3Answer> {
    const { body = EMPTY, sha256 = createHash('sha256').update(body).digest('hex') } = request;
    const signed = await new AwsV4Signer({
      method: request.method,
      url: this.#addressOf(request),
      headers: {
        ...request.headers,
        // The server rejects a body that arrives with another hash.
        'X-Amz-Content-Sha256': sha256,
      },
      accessKeyId: this.#settings.archiveAccessKey,
      secretAccessKey: this.#settings.archiveSecretKey,
      service: 's3',
      region: this.#settings.archiveRegion,
      datetime: new Date(this.#wallMs()).toISOString().replace(/[:-]|\.\d{3}/g, ''),
    }).sign();
    const headers = { ...Object.fromEntries(signed.headers), 'content-length': String(body.length) };
    const exchange = () => this.#exchange(signed.url, headers, body, request);
    try {
      // The server may just have closed a kept-alive connection.
      return await exchange().catch((error: unknown) => (wasCut(error) ? exchange() : Promise.reject(error)));
    } catch (error) {
      request.signal.throwIfAborted();
      throw connectionFailure(error, this.host);
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  #addressOf({ key = '', query = {} }: S3Request): string {
    const { archiveBucket, archivePathStyle } = this.#settings;
    const url = new URL(this.#base);
    const parts = [url.pathname.replace(/\/+$/, ''), ...(archivePathStyle ? [archiveBucket] : []), key];
    url.pathname = parts.join('/');
    url.search = new URLSearchParams(query).toString();
    return url.href;
  }

  readonly #privateLookup = checkedLookup((_name, ips) => {
    requirePrivate(ips, this.host, this.#isTls);
    return ips;
  });

  async #exchange(url: URL, headers: Record<string, string>, body: Uint8Array, asked: S3Request): Promise<S3Answer> {
    const { method, signal, pace = async () => {}, maxBytes = 4 << 20 } = asked;
    const options: RequestOptions = {
      method,
      headers,
      signal,
      agent: this.#agent,
      // Without a byte in either direction.
      timeout: 30_000,
      ...(this.#isPrivate && { lookup: this.#privateLookup }),
    };
    const request = (this.#isTls ? tlsRequest : plainRequest)(url, options);
    const ended = Promise.withResolvers<S3Answer>();
    request.on('timeout', () => request.destroy(archiveFailure('timeout', `${this.host} does not answer`)));
    request.on('error', ended.reject);
    request.on('response', (response) => {
      collect(response, method === 'HEAD' ? 0 : maxBytes).then(ended.resolve, (error: unknown) => {
        ended.reject(error);
        request.destroy();
      });
    });
    await this.#write(request, body, pace, ended.promise);
    const late = () => request.destroy(archiveFailure('timeout', `${this.host} answers too slowly`));
    // From the last byte of the request to the last byte of the response.
    const timer = setTimeout(late, 600_000);
    return ended.promise.finally(() => clearTimeout(timer));
  }

  async #write(
    request: ClientRequest,
    body: Uint8Array,
    pace: (bytes: number) => Promise<void>,
    answer: Promise<unknown>,
  ): Promise<void> {
    // The server may answer, or break the connection, before it has read everything.
    let isOver = false;
    const end = (): void => {
      isOver = true;
    };
    const over = answer.then(end, end);
    for (let at = 0; at < body.length && !isOver; at += SLICE_BYTES) {
      const slice = body.subarray(at, at + SLICE_BYTES);
      await pace(slice.length);
      if (!isOver && !request.write(slice)) {
        await Promise.race([over, new Promise((free) => request.once('drain', free))]);
      }
    }
    if (isOver) {
      request.destroy();
    } else {
      request.end();
    }
  }
}

const wasCut = (error: unknown): boolean =>
  ['ECONNRESET', 'EPIPE'].includes(String((error as { code?: unknown } | undefined)?.code));

async function collect(response: IncomingMessage, maxBytes: number): Promise<S3Answer> {
  const { bytes, isCut } = await readBody(response, maxBytes);
  if (isCut) {
    throw archiveFailure('noS3', `the answer is longer than ${maxBytes} bytes`);
  }
  return { status: response.statusCode ?? 0, headers: response.headers, body: bytes };
}

/** Rejects public addresses, where keys and recordings would pass through the internet unencrypted. */
function requirePrivate(ips: readonly string[], host: string, isTls: boolean): void {
  if (!ips.every(isPrivateIp)) {
    const way = isTls ? 'set archiveEncryption: yes' : 'plain http is for private addresses, write https://';
    throw archiveFailure('notPrivate', `${host} is on the internet: ${way}`);
  }
}
