import { expect, onTestFinished, test } from 'vitest';
import { startOnvifCamera } from '../../../test/onvif-camera/camera.ts';
import { SdCard } from '../../../test/onvif-camera/card/sd-card.ts';
import type { Quirks } from '../../../test/onvif-camera/quirks.ts';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { mutate } from '../../../test/support/base/mutate.ts';
import { random } from '../../../test/support/base/random.ts';
import { PerchError } from '../../base/errors.ts';
import { openSession } from '../device/onvif-session.ts';
import { readReply, responseOf } from '../soap/reply.ts';
import { cameraTime, readSearchPage, readSummary } from './card-recordings.ts';
import { findRecordings, hasReplay, readCardSummary, replayUri } from './card-services.ts';

const LOGIN = { user: 'admin', password: 'pässword' };
const START_MS = Date.UTC(2026, 2, 1, 12);
const MINUTE_MS = 60_000;
/** Empty pages are not waited for. */
const AT_ONCE = [{ monoMs: () => 0, sleep: async () => {} }, new AbortController().signal] as const;

/** A card with a unit at the start and one at the end. */
function cardOf(minutes: number): SdCard {
  const card = new SdCard([
    {
      ...{ kind: 'video', codec: 'h264', clockRate: 90_000, width: 160, height: 90, fps: 10 },
      ...{ sps: Uint8Array.of(0x67), pps: [Uint8Array.of(0x68)] },
    },
    { kind: 'audio', codec: 'g711', clockRate: 8_000, law: 'a', channels: 1 },
  ]);
  for (const unixMs of [START_MS, START_MS + minutes * MINUTE_MS]) {
    card.add({ track: 0, unixMs, ticks: 0, isKey: true, data: Uint8Array.of(0, 0, 0, 1, 0x67) });
  }
  return card;
}

async function openCamera(quirks: Quirks = {}, card: SdCard | undefined = cardOf(10), address = '127.0.0.1') {
  const camera = await startOnvifCamera({ quirks, credentials: LOGIN, address, ...(card && { card }) });
  onTestFinished(() => camera[Symbol.asyncDispose]());
  const session = await openSession({ url: camera.url, ...LOGIN, signal: new AbortController().signal });
  return { camera, session };
}

test('a camera with a card has the services of Profile G, and states what the card holds', async () => {
  const { session } = await openCamera();
  expect(hasReplay(session)).toBe(true);
  expect(await readCardSummary(session)).toEqual({
    fromMs: START_MS,
    untilMs: START_MS + 10 * MINUTE_MS,
    recordings: 1,
  });
  const { recordings } = await findRecordings(session, ...AT_ONCE);
  expect(recordings).toMatchObject([
    { token: 'RECORDING_1', fromMs: START_MS, untilMs: START_MS + 10 * MINUTE_MS, isRecording: false },
  ]);
});

test('a camera without a card has none of them', async () => {
  const camera = await startOnvifCamera({ credentials: LOGIN });
  onTestFinished(() => camera[Symbol.asyncDispose]());
  const session = await openSession({ url: camera.url, ...LOGIN, signal: new AbortController().signal });
  expect(hasReplay(session)).toBe(false);
  await expect(readCardSummary(session)).rejects.toMatchObject({ code: 'unsupported' });
});

test('a replay that is asked for long after the search does not ask for its results again', async () => {
  const { camera } = await openCamera();
  const clock = new FakeClock();
  const session = await openSession({ url: camera.url, ...LOGIN, signal: new AbortController().signal, clock });
  await findRecordings(session, ...AT_ONCE);
  await clock.advance(60_000);
  expect(await replayUri(session, 'RECORDING_1')).toMatch(/^rtsp:/);
});

test.for<[string, Quirks]>([
  ['in pages of two', { cardPage: 2 }],
  ['after empty pages', { cardSearches: 3 }],
  ['in pages of one, after an empty one', { cardPage: 1, cardSearches: 1 }],
])('all recordings are found %s, and the search is ended', async ([, quirks]) => {
  const { camera, session } = await openCamera({ cardFiles: { everyMs: 2 * MINUTE_MS, overlapMs: 2_000 }, ...quirks });
  const { recordings: found } = await findRecordings(session, ...AT_ONCE);
  expect(found.map(({ token }) => token)).toEqual(['FILE_0', 'FILE_1', 'FILE_2', 'FILE_3', 'FILE_4']);
  expect(found[1]?.fromMs).toBe(START_MS + 2 * MINUTE_MS - 2_000);
  expect(camera.operations.at(-1)).toBe('EndSearch');
});

test.for<[string, Quirks]>([
  ['finds nothing', { cardSearches: 1_000 }],
  ['repeats what it has found', { cardSearchRepeats: true }],
])('a search that never ends and %s is no list: it is given up after a minute', async ([, quirks]) => {
  const { camera, session } = await openCamera(quirks);
  let waitedMs = 0;
  const clock = {
    monoMs: () => 0,
    sleep: async (ms: number) => {
      waitedMs += ms;
    },
  };
  const found = findRecordings(session, clock, new AbortController().signal);
  await expect(found).rejects.toThrow('the camera does not end the search of its card');
  expect(waitedMs).toBe(60_000);
  expect(camera.operations.at(-1)).toBe('EndSearch');
});

test('a camera that takes a little longer than it was asked to wait is asked again at once', async () => {
  const { session } = await openCamera({ cardSearches: 3 });
  const pauses: number[] = [];
  let nowMs = 0;
  const clock = {
    monoMs: () => {
      nowMs += 2_000.089;
      return nowMs;
    },
    sleep: async (ms: number) => void pauses.push(ms),
  };
  await findRecordings(session, clock, new AbortController().signal);
  expect(pauses).toEqual([0, 0, 0]);
});

test('of a card with more recordings than are held the newest are listed, and that there are more', async () => {
  const { session } = await openCamera({ cardFiles: { everyMs: MINUTE_MS, overlapMs: 0 } }, cardOf(500));
  const { recordings, isCut } = await findRecordings(session, ...AT_ONCE, { limit: 100 });
  expect([recordings.length, isCut]).toEqual([100, true]);
  const endMs = START_MS + 500 * MINUTE_MS;
  expect(Math.max(...recordings.map(({ untilMs = 0 }) => untilMs))).toBe(endMs);
  expect(Math.min(...recordings.map(({ fromMs = 0 }) => fromMs))).toBeGreaterThanOrEqual(endMs - 100 * MINUTE_MS);
});

test('of a period only the recordings of the days around it are listed, also if the search begins with others', async () => {
  const DAY_MINUTES = 1_440;
  const { session } = await openCamera(
    { cardFiles: { everyMs: 60 * MINUTE_MS, overlapMs: 0 }, cardPage: 5 },
    cardOf(20 * DAY_MINUTES),
  );
  const [fromMs, untilMs] = [15.5, 15.6].map((days) => START_MS + days * DAY_MINUTES * MINUTE_MS);
  const { recordings, isCut } = await findRecordings(session, ...AT_ONCE, { fromMs, untilMs });
  expect(recordings.length).toBeGreaterThanOrEqual(4 * 24);
  expect(recordings.length).toBeLessThanOrEqual(4 * 24 + 5);
  expect(isCut).toBe(false);
});

test('a recording whose clock was set back, and which ends before it begins, is listed with any period', async () => {
  const DAY_MS = 1_440 * MINUTE_MS;
  const { session } = await openCamera({ cardClockChange: { atMs: START_MS + MINUTE_MS, byMs: -20 * DAY_MS } });
  const [fromMs, untilMs] = [START_MS - 10 * DAY_MS, START_MS - 9 * DAY_MS];
  const { recordings } = await findRecordings(session, ...AT_ONCE, { fromMs, untilMs });
  expect(recordings).toMatchObject([{ fromMs: START_MS, untilMs: START_MS + 10 * MINUTE_MS - 20 * DAY_MS }]);
});

test('a recording without times has those of its tracks', async () => {
  const { session } = await openCamera({ cardListsNoTimes: 'but of tracks' });
  expect((await findRecordings(session, ...AT_ONCE)).recordings).toMatchObject([
    { fromMs: START_MS, untilMs: START_MS + 10 * MINUTE_MS },
  ]);
});

test.for([
  ['of another host', { replayHost: '10.66.0.1' }],
  ['with a login', { replayHost: 'mallory:secret@10.66.0.1' }],
])('the address of a replay %s becomes one of the camera, without a login', async ([, quirks]) => {
  const { camera, session } = await openCamera(quirks as Quirks);
  expect(await replayUri(session, 'RECORDING_1')).toBe(
    `rtsp://127.0.0.1:${camera.state.replayPort}/replay/RECORDING_1?source=card`,
  );
});

test('an unknown recording is refused', async () => {
  const { session } = await openCamera();
  await expect(replayUri(session, 'ANOTHER')).rejects.toBeInstanceOf(PerchError);
});

test.for([
  ['2026-03-01T12:00:00Z', START_MS],
  ['2026-03-01T12:00:00', START_MS],
  ['2026-03-01T12:00:00.250Z', START_MS + 250],
  ['2026-03-01T13:30:00+01:30', START_MS],
  ['2026-03-01T07:00:00-0500', START_MS],
  ['1970-01-01T00:00:00Z', undefined],
  ['0001-01-01T00:00:00Z', undefined],
  ['2000-01-01T00:00:00Z', undefined],
  ['yesterday', undefined],
  ['', undefined],
] as const)('the time of the camera %s is %s', ([text, expected]) => {
  expect(cameraTime(text)).toBe(expected);
});

test('any reply about recordings is read or throws PerchError, and is bounded', () => {
  const next = random(31);
  const track =
    '<tt:Track><tt:TrackToken>V</tt:TrackToken><tt:TrackType>Video</tt:TrackType><tt:DataFrom>2026-03-01T12:00:00Z</tt:DataFrom>' +
    '<tt:DataTo>2026-03-01T13:00:00Z</tt:DataTo></tt:Track>';
  const one =
    '<tt:RecordingInformation><tt:RecordingToken>R</tt:RecordingToken><tt:Source><tt:SourceId>a</tt:SourceId></tt:Source>' +
    `<tt:EarliestRecording>2026-03-01T12:00:00Z</tt:EarliestRecording>${track.repeat(3)}` +
    '<tt:RecordingStatus>Recording</tt:RecordingStatus></tt:RecordingInformation>';
  const envelope = (response: string, inner: string) =>
    Buffer.from(
      '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:tt="http://www.onvif.org/ver10/schema"><s:Body>' +
        `<tse:${response} xmlns:tse="http://www.onvif.org/ver10/search/wsdl">${inner}</tse:${response}></s:Body></s:Envelope>`,
    );
  const page = envelope(
    'GetRecordingSearchResultsResponse',
    `<tse:ResultList><tt:SearchState>Completed</tt:SearchState>${one.repeat(4)}</tse:ResultList>`,
  );
  const summary = envelope(
    'GetRecordingSummaryResponse',
    '<tse:Summary><tt:DataFrom>2026-03-01T12:00:00Z</tt:DataFrom><tt:DataUntil>2026-03-01T13:00:00Z</tt:DataUntil>' +
      '<tt:NumberRecordings>3</tt:NumberRecordings></tse:Summary>',
  );
  const rounds = process.env['PERCH_LENGTH'] === 'long' ? 50_000 : 1_000;
  let taken = 0;
  for (let i = 0; i < rounds; i += 1) {
    for (const [bytes, response, read] of [
      [page, 'GetRecordingSearchResultsResponse', readSearchPage],
      [summary, 'GetRecordingSummaryResponse', readSummary],
    ] as const) {
      try {
        const reply = readReply({
          status: 200,
          headers: {},
          body: Buffer.from(mutate(bytes, next)),
          isTrusted: undefined,
        });
        const found = read(responseOf(reply, { camera: 'c', path: '/', response }, true));
        const recordings = 'isComplete' in found ? found.recordings : [];
        expect(recordings.every(({ token }) => token.length > 0 && token.length <= 64)).toBe(true);
        for (const time of 'isComplete' in found ? recordings.map(({ fromMs }) => fromMs) : [found.fromMs]) {
          expect(time === undefined || time > Date.UTC(2000, 11, 31)).toBe(true);
        }
        taken += 1;
      } catch (error) {
        expect(error).toBeInstanceOf(PerchError);
      }
    }
  }
  expect(taken).toBeGreaterThan(rounds / 2);
});
