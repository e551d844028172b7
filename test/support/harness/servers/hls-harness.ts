import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import { onTestFinished } from 'vitest';
import { PerchError } from '../../../../agent/base/errors.ts';
import { cors } from '../../../../agent/http/listener/cors.ts';
import { installErrorHandler } from '../../../../agent/http/listener/errors.ts';
import type { G711Track } from '../../../../agent/media/sample/track.ts';
import type { Replicas } from '../../../../agent/protocols/contract.ts';
import { hlsPlugin } from '../../../../agent/servers/hls/delivery/plugin.ts';
import { type HlsOptions, HlsServer } from '../../../../agent/servers/hls/server/server.ts';
import type { AudioForms } from '../../../../agent/stream/contracts.ts';
import { Stream } from '../../../../agent/stream/stream.ts';
import { FakeClock } from '../../base/fake-clock.ts';
import { keepLogLines, type LogLine } from '../../base/log-lines.ts';
import { tinyH264, tinyVideo } from '../../media/tiny-h264.ts';

export const g711: G711Track = { kind: 'audio', codec: 'g711', law: 'a', clockRate: 8000, channels: 1 };
export const HLS_OPTIONS: HlsOptions = {
  variant: 'fmp4',
  segmentCount: 7,
  segmentDurationMs: 1000,
  partDurationMs: 200,
  segmentMaxBytes: 1 << 20,
  closeAfterMs: 60_000,
};

/** Paths with the test's streams, and some that reject. */
export class HlsPaths {
  readonly streams = new Map<string, Stream>();
  readonly asked: string[] = [];

  async open(name: string, query: string): Promise<Stream> {
    this.asked.push(`${name}?${query}`);
    if (name === 'late') {
      throw new PerchError(
        'timeout',
        `source of path '${name}' has timed out`,
        {},
        new Error('connect ECONNREFUSED 192.168.1.20:554'),
      );
    }
    if (name === 'full') {
      throw new PerchError('exhausted', `maximum reader count reached: path '${name}' has 1`);
    }
    if (name === 'unknown') {
      throw new PerchError('badInput', `path '${name}' is not configured`);
    }
    const stream = this.streams.get(name);
    if (!stream) {
      throw new PerchError('notFound', `no stream is available on path '${name}'`);
    }
    return stream;
  }
}

/** `secret` takes a token; the address is the socket's, or that of `x-test-ip`. */
export const hlsAccess = {
  async require(request: FastifyRequest, _: 'read', path: string): Promise<void> {
    if (path === 'secret' && !request.url.includes('jwt=right')) {
      throw new PerchError('unauthorized', 'authentication error');
    }
  },
  identify: (request: FastifyRequest) => ({ ip: hlsAccess.ip(request), user: 'ann' }),
  origin: () => ({ isSameOrigin: true, baseUrl: 'http://127.0.0.1' }),
  ip: ({ raw }: Pick<FastifyRequest, 'raw'>) => String(raw.headers['x-test-ip'] ?? '192.0.2.1'),
  isSecure: (request: FastifyRequest) => request.headers['x-test-tls'] !== undefined,
};

export interface HlsHarness {
  readonly app: FastifyInstance;
  readonly server: HlsServer;
  readonly clock: FakeClock;
  readonly paths: HlsPaths;
  /** The log. */
  readonly logged: readonly LogLine[];
}

/** The HLS server behind one app, on a fake clock. */
export function openHlsHarness({
  prefix = '',
  options = {},
  audioForms,
  replicas,
}: {
  readonly prefix?: string;
  readonly options?: Partial<HlsOptions>;
  readonly audioForms?: AudioForms;
  readonly replicas?: Replicas;
} = {}): HlsHarness {
  const clock = new FakeClock();
  const paths = new HlsPaths();
  const { log, logged } = keepLogLines();
  const server = new HlsServer({ ...HLS_OPTIONS, ...options }, paths, clock, log, audioForms);
  const app = fastify({ forceCloseConnections: true });
  installErrorHandler(app);
  app.register(hlsPlugin, {
    prefix,
    server,
    access: hlsAccess,
    replicas,
    cors: (methods, headers) => cors(() => ['*', 'https://nas.example'], methods, headers),
    isConfigured: (path) => path !== 'unknown',
  });
  onTestFinished(async () => {
    await server.close();
    await app.close();
  });
  return { app, server, clock, paths, logged };
}

/** @param seconds of picture and sound, with one key picture first: a stream caches them all for new readers */
export function feed(stream: Stream, seconds: number, startS = 0): void {
  for (const picture of tinyVideo(seconds * 25, 25, seconds * 25, startS * 90_000, startS * 1000)) {
    stream.write(0, picture);
    if (stream.tracks[1]) {
      const pts = Math.round(picture.pts / 11.25);
      stream.write(1, { ...picture, pts, dts: pts, key: true, data: new Uint8Array(320).fill(pts % 251) });
    }
  }
}

export function live(paths: HlsPaths, name = 'cam', seconds = 4): Stream {
  const stream = new Stream([tinyH264, g711]);
  paths.streams.set(name, stream);
  feed(stream, seconds);
  return stream;
}

/** The addresses in a playlist. */
export const linesOf = (body: string): string[] =>
  body.split('\n').filter((line) => line !== '' && !line.startsWith('#'));

/** Every name in a media playlist, in order: init, parts, the hint, segments. */
export const addressesOf = (body: string): string[] =>
  [...body.matchAll(/URI="([^"]+)"|^([^#\n].*)$/gm)].map((match) => match[1] ?? match[2] ?? '');

/** Follows redirects like a player, with a cookie jar or without. */
export class HlsPlayer {
  readonly #app: FastifyInstance;
  readonly #keepsCookies: boolean;
  readonly #headers: Readonly<Record<string, string>>;
  readonly cookies = new Map<string, string>();

  constructor(app: FastifyInstance, keepsCookies = true, headers: Readonly<Record<string, string>> = {}) {
    this.#app = app;
    this.#keepsCookies = keepsCookies;
    this.#headers = headers;
  }

  async get(url: string, headers: Readonly<Record<string, string>> = {}, method: 'GET' | 'HEAD' = 'GET') {
    let address = new URL(url, 'http://box');
    for (let hops = 0; ; hops += 1) {
      const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
      const answer = await this.#app.inject({
        method,
        url: address.pathname + address.search,
        headers: { ...this.#headers, ...headers, ...(cookie === '' ? {} : { cookie }) },
      });
      for (const { name, value } of this.#keepsCookies ? answer.cookies : []) {
        this.cookies.set(name, value);
      }
      if (answer.statusCode !== 302 || hops > 3) {
        return answer;
      }
      address = new URL(String(answer.headers.location), address);
    }
  }
}
