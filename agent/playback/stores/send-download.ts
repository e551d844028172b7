import type { FastifyReply, FastifyRequest } from 'fastify';
import { contentDisposition, downloadName } from '../download-name.ts';
import type { Download, DownloadQuery } from '../get/download.ts';
import type { Playback } from '../playback.ts';
import { type Query, queryText } from '../read/query.ts';
import { formatRfc3339 } from '../read/rfc3339.ts';
import { REVALIDATE, sendRanged } from '../read/send-ranged.ts';
import type { OtherParts } from '../read/stored-part.ts';
import type { DownloadPart } from './contract.ts';

const EXPOSED = 'Accept-Ranges, Content-Disposition, Content-Length, Content-Range, ETag, Perch-Ends, Perch-Missing';

interface SentDownload {
  readonly wanted: DownloadQuery;
  /** UTC offset of times in the response. */
  readonly offsetMs: number;
  /** Title of the camera, for the file name. */
  readonly title: string;
  /** What is in other stores. */
  readonly others?: OtherParts | undefined;
  /** The download is only this long: another store has what follows. */
  readonly ending?: DownloadPart | undefined;
}

/** Sends a download, with a file name if the request asks for one with `download`. */
export async function sendDownload(
  playback: Playback,
  { wanted: whole, offsetMs, title, others, ending }: SentDownload,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const wanted = { ...whole, ...(ending && { durationUs: ending.durationUs }), others };
  const done = new AbortController();
  reply.raw.once('close', () => done.abort());
  const answer = await playback.get(wanted, continuedTag(request, playback, wanted), done.signal).catch(whenGone(done));
  if (!answer) {
    return reply.hijack();
  }
  if (queryText(request.query as Query, 'download') !== undefined) {
    const name = downloadName(title, playback.localTime(wanted.startUs));
    reply.header('Content-Disposition', contentDisposition(name));
  }
  noteEnd(reply, answer.end ?? (ending && { reason: 'other-box', resumeUs: ending.resumeUs }), offsetMs);
  return send(request, reply, answer);
}

/** Sets the header that says why a download has less than was requested, and where the rest begins. */
export function noteEnd(
  reply: FastifyReply,
  end: { readonly reason: string; readonly resumeUs: number } | undefined,
  offsetMs: number,
): void {
  if (end) {
    reply.header('Perch-Ends', `${end.reason}; resume="${formatRfc3339({ us: end.resumeUs, offsetMs })}"`);
  }
}

/** Entity tag of the download that a player continues: it needs the same bytes although the recording grows. Browsers do not send the tag. */
function continuedTag(request: FastifyRequest, playback: Playback, wanted: DownloadQuery): string | undefined {
  const { range } = request.headers;
  if (range === undefined || /^bytes\s*=\s*0+\s*-/i.test(range)) {
    return undefined;
  }
  const ifRange = request.headers['if-range'];
  return typeof ifRange === 'string' ? ifRange : playback.cachedEtag(wanted);
}

/** A disconnected client is not a failure and gets no response. */
const whenGone =
  (done: AbortController) =>
  (error: unknown): undefined => {
    if (!done.signal.aborted) {
      throw error;
    }
  };

function send(request: FastifyRequest, reply: FastifyReply, { file, etag }: Download): FastifyReply {
  reply.type('video/mp4').header('Cache-Control', REVALIDATE).header('Access-Control-Expose-Headers', EXPOSED);
  return sendRanged(request, reply, file, etag);
}
