import type { XmlElement } from '@rgrove/parse-xml';
import { elements, find, findText, plainLine } from '../soap/xml/xml.ts';

/** A recording on a camera's card, tt:RecordingInformation: usually one for each video source, which the camera extends. */
export interface CardRecording {
  readonly token: string;
  /** What was recorded, as the camera calls it. */
  readonly source: string | undefined;
  /** For people. */
  readonly name: string | undefined;
  /** Unix milliseconds by the camera's clock; undefined: not stated. */
  readonly fromMs: number | undefined;
  readonly untilMs: number | undefined;
  readonly isRecording: boolean;
}

interface SearchPage {
  readonly isComplete: boolean;
  readonly recordings: readonly CardRecording[];
}

/** tt:RecordingSummary. */
export interface CardSummary {
  readonly fromMs: number | undefined;
  readonly untilMs: number | undefined;
  readonly recordings: number;
}

/** Cameras without a card state the year 1, 1970 or 2000 instead of no time. */
const EARLIEST_MS = Date.UTC(2001, 0, 1);
const DATE_TIME = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9})\d*)?(Z|[+-]\d\d:?\d\d)?$/i;

/** GetRecordingSearchResultsResponse, ONVIF Recording Search §5.8. Recordings without a token are left out. */
export function readSearchPage(response: XmlElement): SearchPage {
  const list = find(response, 'ResultList');
  const state = findText(list, 'SearchState')?.toLowerCase();
  return {
    isComplete: state !== 'queued' && state !== 'searching',
    recordings: elements(list, 'RecordingInformation')
      // Some cameras list each hour of each track.
      .slice(0, 512)
      .flatMap((element) => {
        const recording = readRecording(element);
        return recording ? [recording] : [];
      }),
  };
}

/** GetRecordingSummaryResponse, ONVIF Recording Search §5.4. */
export function readSummary(response: XmlElement): CardSummary {
  const summary = find(response, 'Summary');
  const count = Number(findText(summary, 'NumberRecordings') ?? 0);
  return {
    fromMs: cameraTime(findText(summary, 'DataFrom')),
    untilMs: cameraTime(findText(summary, 'DataUntil')),
    recordings: Number.isInteger(count) && count > 0 ? Math.min(count, 1_000_000) : 0,
  };
}

function readRecording(element: XmlElement): CardRecording | undefined {
  const token = tokenOf(findText(element, 'RecordingToken'));
  if (token === undefined) {
    return undefined;
  }
  const tracks = elements(element, 'Track')
    .slice(0, 16)
    .map((track) => ({
      fromMs: cameraTime(findText(track, 'DataFrom')),
      untilMs: cameraTime(findText(track, 'DataTo')),
    }));
  // Earliest and latest time are optional; the tracks have theirs.
  const ofTracks = (times: readonly (number | undefined)[], pick: (...all: number[]) => number): number | undefined => {
    const known = times.filter((time) => time !== undefined);
    return known.length === 0 ? undefined : pick(...known);
  };
  return {
    token,
    source: plainLine(findText(element, 'Source', 'SourceId')),
    name: plainLine(findText(element, 'Source', 'Name')),
    fromMs:
      cameraTime(findText(element, 'EarliestRecording')) ??
      ofTracks(
        tracks.map(({ fromMs }) => fromMs),
        Math.min,
      ),
    untilMs:
      cameraTime(findText(element, 'LatestRecording')) ??
      ofTracks(
        tracks.map(({ untilMs }) => untilMs),
        Math.max,
      ),
    isRecording: findText(element, 'RecordingStatus')?.toLowerCase() === 'recording',
  };
}

/** A token goes back to the camera as it is. */
function tokenOf(text: string | undefined): string | undefined {
  // ONVIF limits a ReferenceToken to 64 characters.
  return text !== undefined && text.length <= 64 && plainLine(text) === text ? text : undefined;
}

/** xs:dateTime as Unix milliseconds. Without a zone it is UTC, which ONVIF requires of all times. */
export function cameraTime(text: string | undefined): number | undefined {
  const [, year, month, day, hour, minute, second, fraction = '', zone = 'Z'] = DATE_TIME.exec(text ?? '') ?? [];
  if (year === undefined) {
    return undefined;
  }
  const [hours, minutes] = [zone.slice(1, 3), zone.slice(-2)].map(Number);
  const zoneMinutes = zone.length < 5 ? 0 : (zone.startsWith('-') ? -1 : 1) * (60 * (hours ?? 0) + (minutes ?? 0));
  const wholeMs = Date.UTC(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute) - zoneMinutes,
    Number(second),
  );
  const unixMs = wholeMs + Number(`0.${fraction || '0'}`) * 1000;
  return unixMs >= EARLIEST_MS ? unixMs : undefined;
}
