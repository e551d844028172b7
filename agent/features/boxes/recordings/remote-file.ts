import { PerchError } from '../../../base/errors.ts';
import { PLAIN_ZERO_SECONDS, plainHeadBytes, readPlainTable } from '../../../playback/read/plain-table.ts';
import { formatRfc3339 } from '../../../playback/read/rfc3339.ts';
import type { StoredPart } from '../../../playback/read/stored-part.ts';
import type { Tabled } from '../../../playback/read/table-cache.ts';
import type { StoredSpan } from '../../../playback/stores/contract.ts';
import { RangeFile } from '../../../record/store/range-file.ts';
import type { BoxRequests } from '../requests/box-requests.ts';

/** Size of the first request: the tables of a minute or two. Longer ones take a second request. */
const FIRST_BYTES = 128 << 10;
/** A key frame further than this before a part is not used for it. */
const MAX_LEAD_US = 60_000_000;
const ZERO_US = PLAIN_ZERO_SECONDS * 1e6;

interface RemoteFileDeps {
  readonly requests: BoxRequests;
  readonly recordings: { keyFrameUs(path: string, timeUs: number, signal: AbortSignal): Promise<number | undefined> };
}

interface Place {
  readonly box: string;
  /** Query of the download at the box. */
  readonly query: URLSearchParams;
}

/** A part of the box's recordings that is read like a file: a plain MP4 download of the box, requested in ranges. */
export async function remotePart(
  { requests, recordings }: RemoteFileDeps,
  path: string,
  there: { readonly box: string; readonly path: string },
  { startUs, durationUs }: StoredSpan,
  signal: AbortSignal,
): Promise<StoredPart> {
  const keyUs = (await recordings.keyFrameUs(path, startUs, signal)) ?? startUs;
  const isNear = keyUs <= startUs && keyUs > startUs - MAX_LEAD_US;
  const fromUs = isNear ? keyUs : startUs;
  const endUs = startUs + durationUs;
  const query = new URLSearchParams({
    path: there.path,
    start: formatRfc3339({ us: fromUs, offsetMs: 0 }),
    duration: String((endUs - fromUs) / 1e6),
    format: 'mp4',
  });
  return {
    startUs: fromUs,
    endUs,
    zeroUs: fromUs - ZERO_US,
    readTable: () => readTable(requests, { box: there.box, query }, signal),
  };
}

async function readTable(requests: BoxRequests, place: Place, signal: AbortSignal): Promise<Tabled> {
  const first = await fetchRange(requests, place, 0, FIRST_BYTES, signal);
  const { sizeBytes, etag } = first;
  try {
    const headBytes = plainHeadBytes(first.bytes) ?? 0;
    let head: Uint8Array = first.bytes;
    if (headBytes > head.length) {
      const rest = await fetchRange(requests, { ...place, etag }, head.length, headBytes - head.length, signal);
      head = Buffer.concat([head, rest.bytes]);
    }
    const { init, table } = readPlainTable(head.subarray(0, headBytes), sizeBytes);
    return {
      file: `box ${place.box} ${etag}`,
      head: {
        init,
        durationMs: 0,
        mark: undefined,
        fileMark: undefined,
        tail: undefined,
        sizeBytes,
        mtimeMs: 0,
        isFinished: true,
      },
      table,
      endOffset: sizeBytes,
      walked: undefined,
      openRemote: () =>
        new RangeFile({
          sizeBytes,
          read: async (from, count, stop) => (await fetchRange(requests, { ...place, etag }, from, count, stop)).bytes,
        }),
    };
  } catch (error) {
    throw error instanceof PerchError && error.code === 'badInput' ? requests.invalid(place.box, error) : error;
  }
}

const RANGE = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/;
const ETAG = /^"[\x21\x23-\x7e]{1,100}"$/;

/** @throws PerchError, for example if the contents of the download have changed */
async function fetchRange(
  requests: BoxRequests,
  { box, query, etag }: Place & { readonly etag?: string },
  from: number,
  count: number,
  signal: AbortSignal,
): Promise<{ readonly bytes: Uint8Array; readonly sizeBytes: number; readonly etag: string }> {
  const headers = { range: `bytes=${from}-${from + count - 1}`, ...(etag !== undefined && { 'if-range': etag }) };
  // The box reads its index and its tables first.
  const asked = { path: '/playback/get', query, headers, signal, limitMs: 5_000 };
  const answer = await requests.ask(box, asked);
  const [, start, end, size] = RANGE.exec(String(answer.headers['content-range']))?.map(Number) ?? [];
  const found = String(answer.headers.etag);
  const isRange = answer.status === 206 && start === from && end !== undefined && size !== undefined;
  if (!isRange || !ETAG.test(found) || (etag !== undefined && (found !== etag || end !== from + count - 1))) {
    answer.body.destroy();
    throw requests.invalid(box, new PerchError('badInput', `other bytes than those of a range (${answer.status})`));
  }
  // A megabyte over a slow link.
  const bytes = await requests.read(box, answer.body, count, (all) => all, { signal, bodyMs: 60_000 });
  if (bytes.length !== end - from + 1) {
    throw requests.invalid(box, new PerchError('badInput', `${bytes.length} bytes of a range`));
  }
  return { bytes, sizeBytes: size, etag: found };
}
