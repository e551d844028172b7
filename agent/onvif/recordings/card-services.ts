import type { Clock } from '../../base/clock.ts';
import { repairStreamUri, withZone } from '../device/media-uri.ts';
import type { OnvifSession } from '../device/onvif-session.ts';
import { cameraError, unlessFault } from '../soap/http/failures.ts';
import { escapeXml, findText } from '../soap/xml/xml.ts';
import { type CardRecording, type CardSummary, readSearchPage, readSummary } from './card-recordings.ts';

/** Two weeks of files of a minute each, of a camera that lists files: 5 MB. */
const MAX_RECORDINGS = 20_160;
/** A year of them. */
const MAX_PAGES = 8_192;
/** Recordings of this much more on both sides are listed: their times may be local ones, and end before now. */
const AROUND_MS = 2 * 86_400_000;
/** No date is later, ECMA-262 §21.4.1.1. */
const LATEST_MS = 8.64e15;
/** Results of one page: a reply stays below 100 kB. */
const PAGE_RESULTS = 64;
/** A camera searches a full card for some seconds, during which it answers with empty pages. */
const MAX_EMPTY_PAGES = 30;
const WAIT_SECONDS = 2;
const KEEP_ALIVE_SECONDS = 30;

/** Whether the camera has the services that Profile G requires for fetching. */
export const hasReplay = (session: OnvifSession): boolean => session.has('search') && session.has('replay');

/** What its card holds. @throws PerchError */
export async function readCardSummary(session: OnvifSession): Promise<CardSummary> {
  return readSummary(await session.call('search', '<tse:GetRecordingSummary/>', 'GetRecordingSummaryResponse'));
}

/** By the camera's clock, Unix milliseconds. Absent: no limit. */
interface Wanted {
  readonly fromMs?: number | undefined;
  readonly untilMs?: number | undefined;
  /** How many recordings are held. */
  readonly limit?: number | undefined;
}

interface Listing {
  readonly recordings: readonly CardRecording[];
  /** There are more: these are the newest, or those nearest to the end of the period. */
  readonly isCut: boolean;
  /** How far from the end of the period all recordings are listed, on both sides of it. */
  readonly completeMs: number;
}

/**
 * The recordings on its card, each once: FindRecordings and all pages of GetRecordingSearchResults, ONVIF Recording Search §5.7, §5.8.
 * Of a period, those of the days around it, too, what records now, and what may be of any time.
 * @throws PerchError also if the camera does not end its search; the reason of `signal`
 */
export async function findRecordings(
  session: OnvifSession,
  clock: Pick<Clock, 'monoMs' | 'sleep'>,
  signal: AbortSignal,
  { fromMs = Number.NEGATIVE_INFINITY, untilMs = Number.POSITIVE_INFINITY, limit = MAX_RECORDINGS }: Wanted = {},
): Promise<Listing> {
  const isWanted = (one: CardRecording): boolean =>
    one.isRecording ||
    hasUnknownTimes(one) ||
    ((one.untilMs ?? fromMs) >= fromMs - AROUND_MS && (one.fromMs ?? untilMs) <= untilMs + AROUND_MS);
  const begun = await session.call(
    'search',
    `<tse:FindRecordings><tse:Scope/><tse:KeepAliveTime>PT${KEEP_ALIVE_SECONDS}S</tse:KeepAliveTime></tse:FindRecordings>`,
    'FindRecordingsResponse',
  );
  const token = findText(begun, 'SearchToken');
  if (token === undefined || token.length > 256) {
    throw cameraError('badReply', 'the camera begins a search without a token', { host: session.host });
  }
  let found = new Map<string, CardRecording>();
  let isComplete = false;
  let completeMs = Number.POSITIVE_INFINITY;
  const keepNearest = (max: number): void => {
    if (found.size > max) {
      const nearest = nearestOf(found, Math.min(untilMs, LATEST_MS), limit);
      found = nearest.found;
      completeMs = Math.min(completeMs, nearest.completeMs);
    }
  };
  let firstOfPage: string | undefined;
  try {
    for (let [empty, pages] = [0, 0]; !isComplete && empty < MAX_EMPTY_PAGES && pages < MAX_PAGES; pages += 1) {
      const askedMs = clock.monoMs();
      const page = readSearchPage(
        await session.call(
          'search',
          `<tse:GetRecordingSearchResults><tse:SearchToken>${escapeXml(token)}</tse:SearchToken>` +
            `<tse:MaxResults>${PAGE_RESULTS}</tse:MaxResults><tse:WaitTime>PT${WAIT_SECONDS}S</tse:WaitTime>` +
            '</tse:GetRecordingSearchResults>',
          'GetRecordingSearchResultsResponse',
        ),
      );
      const before = found.size;
      for (const recording of page.recordings.filter(isWanted)) {
        found.set(recording.token, recording);
      }
      // A page that repeats earlier results is no progress either.
      const [first] = page.recordings;
      const isOther = first !== undefined && !isWanted(first) && first.token !== firstOfPage;
      firstOfPage = first?.token;
      empty = found.size > before || isOther ? 0 : empty + 1;
      keepNearest(2 * limit);
      isComplete = page.isComplete;
      if (!isComplete && empty > 0) {
        // Some cameras ignore the time to wait, and answer at once.
        await clock.sleep(Math.max(0, WAIT_SECONDS * 1_000 - (clock.monoMs() - askedMs)), signal);
        signal.throwIfAborted();
      }
    }
  } finally {
    // The camera has few search sessions. It ends this one by itself, too.
    await unlessFault(
      session.call(
        'search',
        `<tse:EndSearch><tse:SearchToken>${escapeXml(token)}</tse:SearchToken></tse:EndSearch>`,
        'EndSearchResponse',
      ),
    ).catch(() => {});
  }
  if (!isComplete) {
    throw cameraError('timeout', 'the camera does not end the search of its card', { host: session.host });
  }
  keepNearest(limit);
  return { recordings: [...found.values()], isCut: Number.isFinite(completeMs), completeMs };
}

/** A recording whose clock was set back may end before it begins. */
export const hasUnknownTimes = ({ fromMs, untilMs }: Pick<CardRecording, 'fromMs' | 'untilMs'>): boolean =>
  fromMs !== undefined && untilMs !== undefined && untilMs <= fromMs;

/** Of too many recordings those that are nearest to a time, and the latest that records now, which tells the zone of the card's clock. */
function nearestOf(
  found: ReadonlyMap<string, CardRecording>,
  atMs: number,
  limit: number,
): { readonly found: Map<string, CardRecording>; readonly completeMs: number } {
  const distanceMs = (one: CardRecording): number =>
    hasUnknownTimes(one) ? 0 : Math.max(0, atMs - (one.untilMs ?? atMs), (one.fromMs ?? atMs) - atMs);
  const all = [...found.values()].sort((a, b) => distanceMs(a) - distanceMs(b));
  const current = all.filter((one) => one.isRecording).sort((a, b) => (b.untilMs ?? 0) - (a.untilMs ?? 0));
  const kept = [...all.slice(0, limit), ...current.slice(0, 1)];
  const [first] = all.slice(limit);
  return {
    found: new Map(kept.map((one) => [one.token, one])),
    completeMs: first ? distanceMs(first) : Number.POSITIVE_INFINITY,
  };
}

/**
 * Where a recording is replayed: GetReplayUri, ONVIF Replay §5.3. The address has the host that the camera was reached at, and no
 * credentials. @throws PerchError
 */
export async function replayUri(session: OnvifSession, recordingToken: string): Promise<string> {
  const response = await session.call(
    'replay',
    '<trp:GetReplayUri><trp:StreamSetup><tt:Stream>RTP-Unicast</tt:Stream><tt:Transport><tt:Protocol>RTSP</tt:Protocol>' +
      `</tt:Transport></trp:StreamSetup><trp:RecordingToken>${escapeXml(recordingToken)}</trp:RecordingToken></trp:GetReplayUri>`,
    'GetReplayUriResponse',
  );
  const uri = findText(response, 'Uri');
  if (uri === undefined) {
    throw cameraError('badReply', 'the camera returns no address for its recordings', { host: session.host });
  }
  return withZone(repairStreamUri(uri, session.host), session.host);
}
