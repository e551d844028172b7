import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { PerchError } from '../../base/errors.ts';
import { contentDisposition, downloadName } from '../download-name.ts';
import type { Download } from '../get/download.ts';
import { MAX_ZIP_BYTES, type ZipEntry, zipBytes, zipOf } from '../get/zip.ts';
import type { FilmQuery } from '../read/query.ts';
import { missingOf, noteMissing } from './contract.ts';
import type { Stores } from './stores.ts';

/** Sends the same time of several cameras as a ZIP file with an MP4 file for each that has recordings of it. */
export async function sendFilm(
  stores: Stores,
  { paths, startUs, durationUs }: FilmQuery,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { playback, titleOf } = stores.disk;
  const done = new AbortController();
  reply.raw.once('close', () => done.abort());
  const start = playback.localTime(startUs);
  const entries: ZipEntry[] = [];
  let fault: unknown;
  /** A camera without recordings of the time is left out, as is one whose box is away if there are others. */
  const noteFault = (error: unknown): undefined => {
    const missing = missingOf(error);
    noteMissing(reply, missing);
    fault ??= missing && error;
    if (!missing && !(error instanceof PerchError && error.code === 'notFound')) {
      throw error;
    }
  };
  for (const path of paths) {
    const wanted = { path, startUs, durationUs };
    const others = await stores
      .of(path, request)
      .then((recordings) => recordings.partsOf(wanted))
      .catch(noteFault);
    const query = { ...wanted, format: 'mp4', keepsGaps: true, others } as const;
    const download = await playback.get(query, undefined, done.signal).catch(noteFault);
    if (done.signal.aborted) {
      return reply.hijack();
    }
    if (download) {
      entries.push(entryOf(download, freeName(downloadName(titleOf(path) ?? path, start), entries)));
    }
  }
  if (entries.length === 0) {
    throw fault ?? new PerchError('notFound', 'none of these cameras has recordings of this time', { paths });
  }
  const sizeBytes = zipBytes(entries);
  if (sizeBytes > MAX_ZIP_BYTES) {
    throw new PerchError(
      'badInput',
      `the films have ${sizeBytes} bytes, and a ZIP file at most ${MAX_ZIP_BYTES}: ask for a shorter time or fewer cameras`,
    );
  }
  reply
    .type('application/zip')
    .header('Cache-Control', 'no-store')
    .header('Content-Disposition', contentDisposition(downloadName('Perch', start).replace(/mp4$/, 'zip')))
    .header('Content-Length', sizeBytes);
  return request.method === 'HEAD' ? reply.send() : reply.send(Readable.from(zipOf(entries, start, done.signal)));
}

const entryOf = ({ file }: Download, name: string): ZipEntry => ({
  name,
  sizeBytes: file.sizeBytes,
  read: () => file.read(0, file.sizeBytes),
});

/** Two cameras may have the same title. */
function freeName(name: string, entries: readonly ZipEntry[]): string {
  const isTaken = (wanted: string) => entries.some((entry) => entry.name === wanted);
  let free = name;
  for (let number = 2; isTaken(free); number += 1) {
    free = name.replace(/\.mp4$/, `_${number}.mp4`);
  }
  return free;
}
