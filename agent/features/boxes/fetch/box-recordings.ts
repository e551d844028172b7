import type { Readable } from 'node:stream';
import Type from 'typebox';
import { Check } from 'typebox/value';
import { PerchError } from '../../../base/errors.ts';
import { leftOut } from '../../../recordings/copy/left-file.ts';
import { type BoxEvent, eventPageOf } from '../requests/box-answers.ts';
import type { BoxRequests } from '../requests/box-requests.ts';
import {
  type ByteRange,
  MAX_PAGE_STILLS,
  MAX_PAGE_TIMES,
  MAX_PIECE_BYTES,
  ProtectedTimes,
  RecordedCameras,
  type RecordedFile,
  RecordedFiles,
  RecordedStills,
} from '../serving/paired-recording-routes.ts';

// Checks the answers of a box, which may have another version, be broken, or be hostile.

const ROOT = '/v3/pairedservers/recordings';
const MAX_LIST_BYTES = 1 << 20;
/** Maximum number of protected ranges, as many as a box has at most. */
const MAX_PROTECTED = 5_000;
/** Time limit for the head of an answer: the disk of the box may have to start. */
const MAX_ANSWER_MS = 14_000;
/** Time limit for a piece over a slow link: 70 kB/s. */
const MAX_PIECE_MS = 60_000;
/** Number of events in one answer. */
const EVENTS_AT_ONCE = 200;
/** Maximum number of events of a camera: 500 a day for two years. */
const MAX_EVENTS = 365_000;
/** Longest event: one that began before a period may last into it. */
const MAX_EVENT_US = 86_400e6;
/** Year 9999, which names of files can hold. */
const MAX_US = 253_370_764_800e6;

/** Bounds for the fields of a recording in a list. */
const Sound = Type.Object({
  startUs: Type.Integer({ minimum: 0, maximum: MAX_US }),
  nameUs: Type.Integer({ minimum: 0, maximum: MAX_US }),
  durationUs: Type.Integer({ minimum: 0, maximum: 7 * 86_400e6 }),
  bytes: Type.Integer({ minimum: 0, maximum: 2 ** 38 }),
  modifiedMs: Type.Number({ minimum: 0, maximum: MAX_US / 1000 }),
});

/** @throws PerchError badInput */
export function camerasOf(answer: unknown): RecordedCameras['cameras'] {
  if (!Check(RecordedCameras, answer)) {
    throw new PerchError('badInput', 'recordings by camera of another form');
  }
  return answer.cameras;
}

/** A page of a list, newest first. @param beforeUs where it begins @throws PerchError badInput */
export function filesOf(answer: unknown, beforeUs: number): RecordedFiles {
  if (!Check(RecordedFiles, answer) || !answer.items.every((item) => Check(Sound, item))) {
    throw new PerchError('badInput', 'a list of recordings of another form');
  }
  let lastUs = beforeUs;
  for (const { startUs } of answer.items) {
    if (startUs > lastUs) {
      throw new PerchError('badInput', 'a list of recordings that is not in order');
    }
    lastUs = startUs;
  }
  if (answer.next !== null && answer.items.length === 0) {
    throw new PerchError('badInput', 'a list of recordings that has no end');
  }
  return answer;
}

export interface BoxStill {
  readonly timeMs: number;
  /** Empty: damaged on the box. */
  readonly jpeg: Buffer;
}

/** @throws PerchError badInput */
export function stillsOf(answer: unknown): readonly BoxStill[] {
  if (!Check(RecordedStills, answer)) {
    throw new PerchError('badInput', 'stills of another form');
  }
  return answer.items.map(({ timeMs, jpeg }) => {
    const bytes = Buffer.from(jpeg, 'base64');
    if (timeMs * 1000 > MAX_US || (bytes.length > 0 && (bytes[0] !== 0xff || bytes[1] !== 0xd8))) {
      throw new PerchError('badInput', 'a still that is no JPEG, or without a time');
    }
    return { timeMs, jpeg: bytes };
  });
}

/** @throws PerchError badInput */
export function protectedOf(answer: unknown): ProtectedTimes['items'] {
  if (
    !Check(ProtectedTimes, answer) ||
    !answer.items.every(({ startUs, endUs }) => startUs < endUs && endUs <= MAX_US)
  ) {
    throw new PerchError('badInput', 'protected recordings of another form');
  }
  return answer.items;
}

/** SHA-256 as base64, from a Content-Digest (RFC 9530 §2). @throws PerchError badInput */
export function digestOfAnswer(header: unknown): string {
  const [, digest] = /^sha-256=:([A-Za-z\d+/]{43}=):$/.exec(typeof header === 'string' ? header : '') ?? [];
  if (digest === undefined) {
    throw new PerchError('badInput', 'a part of a recording without its digest');
  }
  return digest;
}

/** @throws PerchError for a file to leave out, if the answer has another range or another file size */
function checkRange(header: unknown, { first, last }: ByteRange, sizeBytes: number, body: Readable): void {
  if (header !== `bytes ${first}-${last}/${sizeBytes}`) {
    body.destroy();
    const text = typeof header === 'string' ? header.replace(/[^\x20-\x7e]/g, ' ').slice(0, 60) : 'none';
    throw leftOut('busy', `it has changed on the box: ${text} instead of ${first}-${last}/${sizeBytes}`);
  }
}

export interface FetchRange {
  /** Unix microseconds, or undefined for all. */
  readonly sinceUs?: number | undefined;
  readonly untilUs?: number | undefined;
}

interface FilePiece {
  readonly bytes: Buffer;
  /** SHA-256, base64, that the box has sent. */
  readonly digest: string;
}

/** The recording files of a paired box. */
export class BoxRecordings {
  readonly #box: string;
  readonly #requests: BoxRequests;

  constructor(box: string, requests: BoxRequests) {
    this.#box = box;
    this.#requests = requests;
  }

  cameras(signal: AbortSignal): Promise<RecordedCameras['cameras']> {
    return this.#list({ path: ROOT, signal, limitMs: MAX_ANSWER_MS }, camerasOf);
  }

  /** Recordings of a path, newest first. @param untilUs only those that start before this, or undefined for all */
  async *files(path: string, untilUs: number | undefined, signal: AbortSignal): AsyncGenerator<RecordedFile> {
    let before = untilUs === undefined ? undefined : `${untilUs}-0`;
    let beforeUs = untilUs ?? MAX_US;
    for (;;) {
      const query = new URLSearchParams({ path, ...(before !== undefined && { before }) });
      const asked = { path: `${ROOT}/list`, query, signal, limitMs: MAX_ANSWER_MS };
      const fromUs = beforeUs;
      const page = await this.#list(asked, (answer) => filesOf(answer, fromUs));
      yield* page.items;
      if (page.next === null) {
        return;
      }
      before = page.next;
      beforeUs = page.items.at(-1)?.startUs ?? 0;
    }
  }

  /** Events of a path, newest first. */
  async *events(
    path: string,
    { sinceUs = 0, untilUs = MAX_US }: FetchRange,
    signal: AbortSignal,
  ): AsyncGenerator<BoxEvent> {
    const to = new Date(untilUs / 1000).toISOString();
    let before: string | null = null;
    for (let asked = 0; asked < MAX_EVENTS; asked += EVENTS_AT_ONCE) {
      const query = new URLSearchParams({ path, to, limit: String(EVENTS_AT_ONCE), ...(before && { before }) });
      const answer = await this.#requests
        .json(this.#box, { path: '/v3/events/list', query, signal, limitMs: MAX_ANSWER_MS }, 2 << 20, eventPageOf)
        .catch((error: unknown) => {
          throw withWayOut(error);
        });
      yield* answer.events;
      if (answer.next === null || (answer.events.at(-1)?.startUs ?? sinceUs) < sinceUs - MAX_EVENT_US) {
        return;
      }
      before = answer.next;
    }
  }

  /** Stills of a recording. @param after how many of them are here */
  async *stills(path: string, file: RecordedFile, after: number, signal: AbortSignal): AsyncGenerator<BoxStill> {
    const query = new URLSearchParams({ path, start: String(file.startUs), name: String(file.nameUs) });
    for (let count = after; count < file.stills; count += MAX_PAGE_STILLS) {
      query.set('after', String(count));
      const asked = { path: `${ROOT}/stills`, query, signal, limitMs: MAX_ANSWER_MS, bodyMs: MAX_PIECE_MS };
      const page = await this.#requests.json(this.#box, asked, MAX_LIST_BYTES, stillsOf).catch((error: unknown) => {
        throw withWayOut(error);
      });
      yield* page;
      if (page.length < MAX_PAGE_STILLS) {
        return;
      }
    }
  }

  /** Times of a path whose recordings are never deleted. */
  async *protectedTimes(path: string, signal: AbortSignal): AsyncGenerator<ProtectedTimes['items'][number]> {
    for (let after = 0; after < MAX_PROTECTED; after += MAX_PAGE_TIMES) {
      const query = new URLSearchParams({ path, after: String(after) });
      const asked = { path: `${ROOT}/protected`, query, signal, limitMs: MAX_ANSWER_MS };
      const page = await this.#list(asked, protectedOf);
      yield* page;
      if (page.length < MAX_PAGE_TIMES) {
        return;
      }
    }
  }

  async piece(path: string, file: RecordedFile, range: ByteRange, signal: AbortSignal): Promise<FilePiece> {
    const { headers, body } = await this.#ask('GET', path, file, range, signal);
    const limits = { signal, bodyMs: MAX_PIECE_MS };
    checkRange(headers['content-range'], range, file.bytes, body);
    return this.#requests.read(
      this.#box,
      body,
      MAX_PIECE_BYTES,
      (bytes) => {
        if (bytes.length !== range.last - range.first + 1) {
          throw new PerchError('badInput', `${bytes.length} bytes of a part of ${range.last - range.first + 1}`);
        }
        return { bytes, digest: digestOfAnswer(headers['content-digest']) };
      },
      limits,
    );
  }

  /** Digest of bytes that were fetched earlier. @returns SHA-256 as base64 */
  async digest(path: string, file: RecordedFile, range: ByteRange, signal: AbortSignal): Promise<string> {
    const { headers, body } = await this.#ask('HEAD', path, file, range, signal);
    checkRange(headers['content-range'], range, file.bytes, body);
    body.destroy();
    try {
      return digestOfAnswer(headers['content-digest']);
    } catch (error) {
      throw this.#requests.invalid(this.#box, error as PerchError);
    }
  }

  /** @throws PerchError of the box, with the way out */
  async #list<T>(asked: Parameters<BoxRequests['json']>[1], read: (answer: unknown) => T): Promise<T> {
    try {
      return await this.#requests.json(this.#box, asked, MAX_LIST_BYTES, read);
    } catch (error) {
      const isUnknown = error instanceof PerchError && error.code === 'notFound';
      throw isUnknown
        ? new PerchError('unavailable', 'the box is too old for this: update it', { why: 'boxOld' }, error)
        : withWayOut(error);
    }
  }

  #ask(method: 'GET' | 'HEAD', path: string, file: RecordedFile, { first, last }: ByteRange, signal: AbortSignal) {
    const query = new URLSearchParams({ path, start: String(file.startUs), name: String(file.nameUs) });
    const headers = { Range: `bytes=${first}-${last}` };
    const asked = { method, path: `${ROOT}/file`, query, headers, signal, limitMs: MAX_ANSWER_MS };
    return this.#requests.ask(this.#box, asked).catch((error: unknown) => {
      throw withWayOut(error);
    });
  }
}

function withWayOut(error: unknown): unknown {
  if (error instanceof PerchError && error.context['why'] === 'boxRefuses') {
    const text = 'the box does not let this server have recordings: its owner allows it, or pairs it again';
    return new PerchError('unavailable', text, error.context, error);
  }
  return error;
}
