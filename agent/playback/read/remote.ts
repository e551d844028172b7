import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ZonedTime } from './rfc3339.ts';

/** Recordings that lie on other boxes. */
export interface RemotePlayback {
  /** Whether the recordings of the path lie on another box. */
  has(path: string): boolean;
  /** The entries of `/list`. @param baseUrl of this server, without a final slash */
  list(path: string, start: ZonedTime | undefined, end: ZonedTime | undefined, baseUrl: string): Promise<object[]>;
  /** Answers `/get` with the other box's answer. */
  get(path: string, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply>;
  /**
   * Answers an address of `vodRoutes` with the other box's answer.
   * @param file below the path: `index.m3u8`, `vod/….mp4`
   */
  file(path: string, file: VodFile, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply>;
}

export interface VodFile {
  readonly name: string;
  readonly kind: 'playlist' | 'video' | 'picture';
  /** Served next to live HLS. */
  readonly isBesideLive: boolean;
}
