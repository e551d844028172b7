import type { FastifyRequest } from 'fastify';
import type { HlsSession } from '../sessions/sessions.ts';

const MAX_INITS = 32;

/**
 * ffmpeg 4 to 7 (`Lavf/…`) read the init segment again at each reload of a playlist, and complain of the `moov` that they know
 * already. One that has read an init segment in its session is not told its address again; all others always are.
 */
export const isLavf = ({ headers }: FastifyRequest): boolean => headers['user-agent']?.startsWith('Lavf/') === true;

/** It reads a file of the stream. */
export function readsAsLavf(session: HlsSession, file: string): void {
  if (file.endsWith('_init.mp4') && session.knownInits.size < MAX_INITS) {
    session.knownInits.add(file);
  }
}

/** The playlist as it is to see it. What follows a discontinuity keeps its own address. */
export function playlistForLavf(session: HlsSession, playlist: string): string {
  const [line, file = ''] = /^#EXT-X-MAP:URI="([^"?]+).*\n/m.exec(playlist) ?? [];
  return line !== undefined && session.knownInits.has(file) ? playlist.replace(line, '') : playlist;
}
