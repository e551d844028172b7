import { expect, test } from 'vitest';
import {
  ask,
  DOOR,
  FakeSource,
  FakeStore,
  openOnvifDevice,
} from '../../../../test/features/onvif-device/support/onvif-device-harness.ts';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { silentLogger } from '../../../base/log.ts';
import type { Call } from '../server/contract.ts';
import { Searches } from './searches.ts';

const SCOPE = '<tse:Scope/>';
const KEEP = '<tse:KeepAliveTime>PT30S</tse:KeepAliveTime>';

async function openRecorded(options: Parameters<typeof openOnvifDevice>[0] = {}) {
  const device = await openOnvifDevice({ store: new FakeStore(), ...options });
  const call = async (service: string, body: string) => (await ask(device.urlOf(service), body)).text;
  const search = (body: string) => call('search_service', body);
  const tokenOf = (text: string) => /<tse:SearchToken>(\w+)/.exec(text)?.[1] ?? '';
  const page = (token: string, kind: 'Event' | 'Recording', limit = 100) =>
    search(
      `<tse:Get${kind}SearchResults><tse:SearchToken>${token}</tse:SearchToken><tse:MaxResults>${limit}</tse:MaxResults></tse:Get${kind}SearchResults>`,
    );
  const findEvents = async (from: string, to: string, more = '', topic = '') =>
    tokenOf(
      await search(
        `<tse:FindEvents><tse:StartPoint>1970-01-01T${from}Z</tse:StartPoint><tse:EndPoint>1970-01-01T${to}Z</tse:EndPoint>${SCOPE}` +
          `<tse:SearchFilter>${topic && `<wsnt:TopicExpression>${topic}</wsnt:TopicExpression>`}</tse:SearchFilter>` +
          `<tse:IncludeStartState>${more.includes('state')}</tse:IncludeStartState>${more.replace('state', '')}${KEEP}</tse:FindEvents>`,
      ),
    );
  return { device, call, search, tokenOf, page, findEvents };
}

/** `60 PeopleDetect true` */
const changesIn = (text: string): string[] =>
  [
    ...text.matchAll(
      /<tt:Time>([^<]+)<.*?tns1:([\w/]+)<.*?<tt:Data><tt:SimpleItem Name="\w+" Value="(\w+)".*?<tt:StartStateEvent>(\w+)/g,
    ),
  ].map(([, time = '', topic, value, isStart]) => {
    const start = isStart === 'true' ? ' start' : '';
    return `${Date.parse(time) / 1000} ${topic?.split('/').slice(-2)[0]}/${topic?.split('/').at(-1)} ${value}${start}`;
  });

test('the services are listed with addresses, and say what they cannot do', async () => {
  const { call } = await openRecorded();
  const services = await call('device_service', '<tds:GetServices/>');
  for (const name of ['recording', 'search', 'replay']) {
    expect(services).toContain(`/onvif/${name}_service`);
  }
  const capabilities = await call('device_service', '<tds:GetCapabilities/>');
  expect(capabilities).toMatch(/<tt:Extension><tt:Recording><tt:XAddr>http.*<tt:Search>.*<tt:Replay>/);
  expect(await call('replay_service', '<trp:GetServiceCapabilities/>')).toContain('ReversePlayback="false"');
});

test('a recording is a stream of the camera; one without recordings is not listed', async () => {
  const { call } = await openRecorded();
  const recordings = await call('recording_service', '<trc:GetRecordings/>');
  expect(
    [...recordings.matchAll(/Recording(?:Item>.{0,4}<tt:Recording)?Token>(\w+)/g)].map(([, token]) => token),
  ).toEqual(['main']);
  expect([...recordings.matchAll(/TrackToken>(\w+)/g)].map(([, token]) => token)).toEqual(['video0', 'audio1']);
  const summary = await call('search_service', '<tse:GetRecordingSummary/>');
  expect(summary).toContain(
    '<tt:DataFrom>1970-01-01T00:00:00.000Z</tt:DataFrom><tt:DataUntil>1970-01-01T00:05:00.000Z',
  );
  const track = `<trc:RecordingToken>main</trc:RecordingToken><trc:TrackToken>`;
  const configuration = (token: string) =>
    call(
      'recording_service',
      `<trc:GetTrackConfiguration>${track}${token}</trc:TrackToken></trc:GetTrackConfiguration>`,
    );
  expect(await configuration('audio1')).toContain('<tt:TrackType>Audio</tt:TrackType><tt:Description>opus');
  expect(await configuration('video7')).toContain('ter:NoTrack');
  const information =
    '<tse:GetRecordingInformation><tse:RecordingToken>sub</tse:RecordingToken></tse:GetRecordingInformation>';
  expect(await call('search_service', information)).toContain('ter:NoRecording');
});

test('what would change the recordings is refused', async () => {
  const { call } = await openRecorded();
  for (const operation of ['CreateRecording', 'DeleteRecording', 'SetRecordingConfiguration', 'SetRecordingJobMode']) {
    expect(await call('recording_service', `<trc:${operation}/>`)).toContain('ter:ActionNotSupported');
  }
  const timeout = (text: string) =>
    call(
      'replay_service',
      `<trp:SetReplayConfiguration><trp:Configuration><tt:SessionTimeout>${text}</tt:SessionTimeout></trp:Configuration></trp:SetReplayConfiguration>`,
    );
  expect(await timeout('PT60S')).toContain('SetReplayConfigurationResponse');
  expect(await timeout('PT10S')).toContain('ter:ConfigModify');
});

test('the replay address is that of the path, for recordings', async () => {
  const source = new FakeSource();
  const { call } = await openRecorded({ source });
  const uri = (token: string) =>
    call(
      'replay_service',
      `<trp:GetReplayUri><trp:StreamSetup><tt:Stream>RTP-Unicast</tt:Stream></trp:StreamSetup><trp:RecordingToken>${token}</trp:RecordingToken></trp:GetReplayUri>`,
    );
  expect(await uri('main')).toContain('<trp:Uri>rtsp://127.0.0.1:8554/door?onvif-replay</trp:Uri>');
  expect(await uri('other')).toContain('ter:NoRecording');
  source.transports = ['udp'];
  expect(await uri('main')).toContain('rtspTransports does not permit tcp');
});

test('a login without the right to recordings learns nothing about them, and the owner sees that the right is missing', async () => {
  const logged: unknown[] = [];
  const log = Object.assign(Object.create(silentLogger), { warn: (facts: unknown) => void logged.push(facts) });
  const { call, device } = await openRecorded({ mayPlay: false, log });
  for (const [service, body] of [
    ['recording_service', '<trc:GetRecordings/>'],
    ['search_service', '<tse:GetRecordingSummary/>'],
    ['search_service', `<tse:FindRecordings>${SCOPE}${KEEP}</tse:FindRecordings>`],
    ['replay_service', '<trp:GetReplayUri><trp:RecordingToken>main</trp:RecordingToken></trp:GetReplayUri>'],
  ] as const) {
    const text = await call(service, body);
    // NotAuthorized would be a wrong password.
    expect(text).toContain('ter:OperationProhibited');
    expect(text).not.toContain('1970');
  }
  await call('device_service', '<tds:GetDeviceInformation/>');
  expect(device.server.lastRefusal).toMatchObject({ why: 'rights', user: 'recorder', path: 'door' });
  expect(logged).toMatchObject([{ why: 'rights', right: 'playback', user: 'recorder', path: 'door' }]);
});

test('recordings are found by scope and filter', async () => {
  const { search, tokenOf, page } = await openRecorded();
  const find = async (scope: string) => {
    const token = tokenOf(
      await search(`<tse:FindRecordings><tse:Scope>${scope}</tse:Scope>${KEEP}</tse:FindRecordings>`),
    );
    const text = await page(token, 'Recording');
    expect(text).toContain('<tt:SearchState>Completed');
    return [...text.matchAll(/<tt:RecordingToken>(\w+)/g)].map(([, found]) => found);
  };
  const filter = (type: string) =>
    `<tt:RecordingInformationFilter>boolean(//Track[TrackType = "${type}"])</tt:RecordingInformationFilter>`;
  expect(await find('')).toEqual(['main']);
  expect(await find('<tt:IncludedRecordings>main</tt:IncludedRecordings>')).toEqual(['main']);
  expect(await find('<tt:IncludedRecordings>sub</tt:IncludedRecordings>')).toEqual([]);
  expect(await find(filter('Audio'))).toEqual(['main']);
  expect(await find(filter('Metadata'))).toEqual([]);
});

test('events are recordings that begin and end, and what cameras have seen, in both directions', async () => {
  const { findEvents, page } = await openRecorded();
  const topic = 'tns1:RecordingHistory/Recording/State|tns1:RuleEngine//.';
  const forward = await page(await findEvents('00:00:00', '00:10:00', '', topic), 'Event');
  const expected = [
    ...['0 Recording/State true', '60 MyRuleDetector/PeopleDetect true', '70 MyRuleDetector/PeopleDetect false'],
    ...['120 Recording/State false', '180 Recording/State true', '300 Recording/State false'],
  ];
  expect(changesIn(forward)).toEqual(expected);
  const backward = await page(await findEvents('00:10:00', '00:00:00', '', topic), 'Event');
  expect(changesIn(backward)).toEqual(expected.toReversed());
  const tracks = await page(await findEvents('00:01:30', '00:02:30', '', 'tns1:RecordingHistory/Track/State'), 'Event');
  expect(changesIn(tracks)).toEqual(['120 Track/State false', '120 Track/State false']);
});

test('the state at the start comes first if it is wanted', async () => {
  const { findEvents, page } = await openRecorded();
  const topic = 'tns1:RecordingHistory/Recording/State|tns1:RuleEngine/MyRuleDetector/PeopleDetect';
  const text = await page(await findEvents('00:01:05', '00:01:20', 'state', topic), 'Event');
  expect(changesIn(text)).toEqual([
    ...['65 Recording/State true start', '65 MyRuleDetector/PeopleDetect true start'],
    '70 MyRuleDetector/PeopleDetect false',
  ]);
});

test('results come in pages, up to the most that are wanted; a search ends, expires, and is its login’s own', async () => {
  const clock = new FakeClock();
  const { findEvents, page, search, tokenOf } = await openRecorded({ clock: wallOf(clock) });
  const topic = 'tns1:RecordingHistory/Recording/State';
  const token = await findEvents('00:00:00', '00:10:00', '<tse:MaxMatches>3</tse:MaxMatches>', topic);
  const first = await page(token, 'Event', 2);
  expect([changesIn(first).length, /SearchState>(\w+)/.exec(first)?.[1]]).toEqual([2, 'Searching']);
  const second = await page(token, 'Event', 2);
  expect([changesIn(second).length, /SearchState>(\w+)/.exec(second)?.[1]]).toEqual([1, 'Completed']);
  expect(changesIn(await page(token, 'Event', 2))).toEqual([]);
  expect(await page(token, 'Recording')).toContain('does not exist, or has expired');
  const ended = await search(`<tse:EndSearch><tse:SearchToken>${token}</tse:SearchToken></tse:EndSearch>`);
  expect(ended).toContain('<tse:Endpoint>1970-01-01T00:0');
  expect(await page(token, 'Event')).toContain('does not exist, or has expired');
  const other = tokenOf(await search(`<tse:FindRecordings>${SCOPE}${KEEP}</tse:FindRecordings>`));
  await clock.advance(31_000);
  expect(await page(other, 'Recording')).toContain('does not exist, or has expired');
});

test('two requests for results at once get one page after the other, and none after the last', async () => {
  const searches = new Searches(new FakeClock());
  const call = { camera: DOOR, user: 'one' } as Call;
  let [running, pages] = [0, 0];
  const next = async () => {
    expect(running).toBe(0);
    running += 1;
    pages += 1;
    const page = { results: [`${pages}`], isComplete: pages === 2 };
    await Promise.resolve();
    running -= 1;
    return page;
  };
  const token = searches.start(call, { kind: 'events', keepMs: 60_000, next, reachedUs: () => 0 });
  const results = await Promise.all([1, 2, 3].map(() => searches.find(call, token).next(10)));
  expect(results.map((page) => [page.results, page.isComplete])).toEqual([
    [['1'], false],
    [['2'], true],
    [[], true],
  ]);
});

test('one login has eight searches at a camera and 32 in all, so that others can search; 64 are open at most', () => {
  const searches = new Searches(new FakeClock());
  const start = (user: string, path: string) => {
    const call = { camera: { ...DOOR, path }, user } as Call;
    const next = async () => ({ results: [], isComplete: true });
    return searches.start(call, { kind: 'events', keepMs: 60_000, next, reachedUs: () => 0 });
  };
  const fill = (user: string, paths: readonly string[]) =>
    paths.flatMap((path) => Array.from({ length: 8 }, () => start(user, path)));
  fill('one', ['a']);
  expect(() => start('one', 'a')).toThrow("8 searches of this login at camera 'a' are open: end one, or let it expire");
  fill('one', ['b', 'c', 'd']);
  expect(() => start('one', 'e')).toThrow('32 searches of this login are open');
  fill('two', ['a', 'b', 'c', 'd']);
  expect(() => start('three', 'a')).toThrow('64 searches are open');
});

test('of a million events in a day a search reads and keeps a few hundred at a time, and finds each', async () => {
  const store = new FakeStore();
  const [events, perEventMs] = [1_000_000, 80];
  const asked: number[] = [];
  store.spans = async (path, fromUs = 0, toUs = Number.MAX_SAFE_INTEGER) =>
    path === 'door' ? [{ startUs: fromUs, durationUs: Math.min(toUs, 86_400e6) - fromUs }] : [];
  store.events = (path, fromUs, toUs, limit) => {
    asked.push(limit);
    const first = Math.max(0, Math.ceil((fromUs / 1000 - 40) / perEventMs));
    const last = Math.min(events - 1, Math.floor(toUs / 1000 / perEventMs));
    const count = path === 'door' ? Math.min(limit, Math.max(0, last - first + 1)) : 0;
    return Array.from({ length: count }, (_, i) => {
      const startMs = (first + i) * perEventMs;
      return { id: `${first + i}`, path, kinds: ['person'] as const, startMs, endMs: startMs + 40 };
    });
  };
  const { findEvents, page } = await openRecorded({ store });
  const token = await findEvents('12:00:00', '12:01:00', '', 'tns1:RuleEngine/MyRuleDetector/PeopleDetect');
  const found: string[] = [];
  for (let text = ''; !text.includes('Completed'); ) {
    text = await page(token, 'Event');
    found.push(...changesIn(text));
  }
  expect(found).toHaveLength(1_500);
  expect(new Set(found).size).toBe(1_500);
  expect(Math.max(...asked)).toBeLessThanOrEqual(200);
});

/** Logins are by the real time, life times by the test's. */
const wallOf = (clock: FakeClock) => Object.assign(clock, { wallMs: () => Date.now() });
