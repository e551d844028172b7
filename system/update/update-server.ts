import type { IncomingMessage } from 'node:http';
import type { Clock } from '../../agent/base/clock.ts';
import { PerchError } from '../../agent/base/errors.ts';
import { joinSignals } from '../../agent/base/joined-signal.ts';
import { readBody, sendRequest } from '../../agent/base/network/http-client.ts';
import { refusal } from './reasons.ts';
import { isVersion } from './version.ts';

/*
 * Updates in a folder of any web server:
 *   perch-update.json           {"version": "1.2.3"}, of the newest one
 *   perch-VERSION.perchupdate   the file
 *   other files of the release
 * None is trusted: the update is signed, and who takes another file knows its hashes.
 */
export const NEWEST = 'perch-update.json';
export const updateName = (version: string): string => `perch-${version}.perchupdate`;
export const writeNewest = (version: string): string => `${JSON.stringify({ version })}\n`;

const MAX_NEWEST_BYTES = 4_096;
const MAX_REDIRECTS = 3;
/** Longest time without a byte. */
const SILENT_MS = 30_000;
/** Limit in all: a server that sends a byte now and then would block every other update. */
const MAX_MS = 3_600_000;
const POLL_MS = 1_000;

export interface UpdateServer {
  /** URL of the folder with the updates, `http:` or `https:`. */
  readonly address: string;
  readonly clock: Pick<Clock, 'monoMs' | 'every'>;
  readonly signal: AbortSignal;
}

/** @throws PerchError timeout, unavailable */
export async function newestVersion(server: UpdateServer): Promise<string> {
  const { bytes, isCut } = await readBody(fetched(server, NEWEST), MAX_NEWEST_BYTES);
  if (isCut) {
    throw notFetched(`${NEWEST} has more than ${MAX_NEWEST_BYTES} bytes`);
  }
  return parseNewest(bytes.toString('utf8'));
}

/** The file in pieces as they arrive. @throws PerchError timeout, unavailable */
export const updateFrom = (server: UpdateServer, version: string): AsyncGenerator<Uint8Array> =>
  fetched(server, updateName(version));

/**
 * A file of a release in pieces: of this version, or else of the newest one, which may be the only one there.
 * @throws PerchError timeout, unavailable
 */
export async function* releaseFileFrom(
  server: UpdateServer,
  version: string,
  nameOf: (version: string) => string,
): AsyncGenerator<Uint8Array> {
  let isBegun = false;
  try {
    for await (const piece of fetched(server, nameOf(version))) {
      isBegun = true;
      yield piece;
    }
  } catch (error) {
    const newest = isBegun || server.signal.aborted ? version : await newestVersion(server);
    if (newest === version) {
      throw error;
    }
    yield* fetched(server, nameOf(newest));
  }
}

/** @throws PerchError unavailable */
export function parseNewest(text: string): string {
  let version: unknown;
  try {
    version = (JSON.parse(text) as { version?: unknown } | null)?.version;
  } catch {}
  if (typeof version !== 'string' || !isVersion(version)) {
    throw notFetched(`${NEWEST} names no version`);
  }
  return version;
}

async function* fetched({ address, clock, signal }: UpdateServer, name: string): AsyncGenerator<Uint8Array> {
  const late = new AbortController();
  const joined = joinSignals([signal, late.signal]);
  const beginMs = clock.monoMs();
  let lastMs = beginMs;
  const stop = clock.every(POLL_MS, () => {
    const nowMs = clock.monoMs();
    if (nowMs - lastMs > SILENT_MS || nowMs - beginMs > MAX_MS) {
      late.abort();
    }
  });
  let response: IncomingMessage | undefined;
  try {
    response = await follow(placeOf(address, name), joined.signal);
    for await (const piece of response as AsyncIterable<Uint8Array>) {
      yield piece;
      // The consumer may be slow, too.
      lastMs = clock.monoMs();
    }
  } catch (cause) {
    if (cause instanceof PerchError) {
      throw cause;
    }
    if (late.signal.aborted) {
      throw refusal('timeout', `${name} was not received in time`, 'notFetched');
    }
    throw notFetched(`${name} cannot be fetched`, cause);
  } finally {
    stop();
    joined.release();
    response?.destroy();
  }
}

function placeOf(address: string, name: string): URL {
  const folder = new URL(address);
  folder.pathname = `${folder.pathname.replace(/\/$/, '')}/${name}`;
  return folder;
}

async function follow(first: URL, signal: AbortSignal): Promise<IncomingMessage> {
  let url = first;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
    // Sends nothing about the box. A redirect's userinfo is not used as a login.
    url.username = '';
    url.password = '';
    const response = await sendRequest(url, { headers: { 'User-Agent': 'Perch' }, signal });
    const { statusCode: status = 0, headers } = response;
    if (status === 200) {
      return response;
    }
    response.destroy();
    if (status < 300 || status > 399 || headers.location === undefined) {
      throw notFetched(`${url.host} answers HTTP ${status} for ${url.pathname}`);
    }
    const next = URL.canParse(headers.location, url) ? new URL(headers.location, url) : undefined;
    if (next?.protocol !== first.protocol) {
      throw notFetched(`${url.host} redirects to an address that is not ${first.protocol.slice(0, -1)}`);
    }
    url = next;
  }
  throw notFetched(`${first.host} redirects more than ${MAX_REDIRECTS} times`);
}

const notFetched = (message: string, cause?: unknown): PerchError =>
  refusal('unavailable', message, 'notFetched', cause);
