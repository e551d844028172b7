import { expect, test, vi } from 'vitest';
import { openHookHarness } from '../../test/support/harness/hook-harness.ts';
import { KEYS } from '../../test/support/harness/loaded-config.ts';
import { systemClock } from '../base/clock.ts';
import { parseConfig } from '../config/load/load.ts';
import type { PathSettings } from '../config/schema/path.ts';
import { ConnectionCommands, encodeQuery, PathCommands } from './commands.ts';

function settingsOf(keys: Readonly<Record<string, string>>): PathSettings {
  const text = JSON.stringify({ paths: { cam: keys } });
  const { config } = parseConfig(text, 'x.yml', {}, { recordPath: '/%path/%s%f', cwd: '/', keys: KEYS });
  const settings = config?.paths.get('cam')?.settings;
  if (!settings) {
    throw new Error('no settings');
  }
  return settings;
}

const NAMES = [
  'RTSP_PORT',
  'RTSP_PATH',
  'G1',
  'MTX_PATH',
  'MTX_QUERY',
  'MTX_SOURCE_TYPE',
  'MTX_SOURCE_ID',
  'MTX_READER_TYPE',
];
const NAMES_OF_FILES = ['MTX_SEGMENT_PATH', 'MTX_SEGMENT_DURATION'];
/** A command that says which of the variables it has. */
const teller = (hook: string) =>
  `sh -c 'echo "${hook} $(env | grep -E "^(${[...NAMES, ...NAMES_OF_FILES].join('|')})=" | sort | tr "\\n" " ")"'`;

test.for([
  ['a=1&b=ü', 'a%3D1%26b%3D%C3%BC'],
  ['$(reboot) `x` ;|"\'!*~', '%24%28reboot%29+%60x%60+%3B%7C%22%27%21%2A~'],
  ['a+b%20c', 'a%2Bb%2520c'],
  ['\ud800', '%EF%BF%BD'],
] as const)('a query %s is harmless in every shell: %s', ([query, encoded]) => {
  expect(encodeQuery(query)).toBe(encoded);
});

test('each command gets the variables of its moment', async () => {
  await using box = openHookHarness();
  const keys = [
    'runOnInit',
    'runOnDemand',
    'runOnUnDemand',
    'runOnAvailable',
    'runOnUnavailable',
    'runOnOnline',
    'runOnOffline',
  ];
  const more = ['runOnRead', 'runOnUnread', 'runOnRecordSegmentCreate', 'runOnRecordSegmentComplete'];
  const settings = settingsOf(Object.fromEntries([...keys, ...more].map((key) => [key, teller(key)])));
  const commands = new PathCommands(settings, { name: 'cam', groups: ['one'], rtspPort: () => 8554 }, box.programs);
  const source = { type: 'rtspSession', id: 'S', query: 'a=1' };
  const all = [
    ...[commands.created(), commands.demanded('d=1'), commands.available(source), commands.online(source)],
    commands.read({ type: 'hlsSession', id: 'R' }, 'r=1'),
  ];
  commands.segmentCreated('/a b.mp4');
  commands.segmentCompleted('/a b.mp4', 1_500);
  await expect.poll(() => box.said().length).toBe(7);
  await Promise.all(all.map((end) => end()));
  await expect.poll(() => box.said().length).toBe(11);
  const path = 'MTX_PATH=cam';
  const rest = 'RTSP_PATH=cam RTSP_PORT=8554';
  const ofSource = `G1=one ${path} MTX_QUERY=a%3D1 MTX_SOURCE_ID=S MTX_SOURCE_TYPE=rtspSession ${rest}`;
  const ofReader = `G1=one ${path} MTX_QUERY=r%3D1 MTX_READER_TYPE=hlsSession ${rest}`;
  expect(box.said().sort()).toEqual(
    [
      `runOnInit G1=one ${path} ${rest}`,
      `runOnDemand G1=one ${path} MTX_QUERY=d%3D1 ${rest}`,
      `runOnUnDemand G1=one ${path} MTX_QUERY=d%3D1 ${rest}`,
      ...['runOnAvailable', 'runOnUnavailable', 'runOnOnline', 'runOnOffline'].map((hook) => `${hook} ${ofSource}`),
      ...['runOnRead', 'runOnUnread'].map((hook) => `${hook} ${ofReader}`),
      `runOnRecordSegmentCreate G1=one ${path} MTX_SEGMENT_PATH=/a b.mp4 ${rest}`,
      `runOnRecordSegmentComplete G1=one ${path} MTX_SEGMENT_DURATION=1.5 MTX_SEGMENT_PATH=/a b.mp4 ${rest}`,
    ].sort(),
  );
});

test('the same command runs once at a time: the next waits for the previous one to end', async () => {
  await using box = openHookHarness(systemClock, { interruptMs: 30_000, terminateMs: 30_000 });
  const script = `sh -c 'trap "sleep 0.2; echo end >> $OUT; exit" INT; echo begin >> $OUT; while :; do sleep 0.02; done'`;
  const commands = new PathCommands(
    settingsOf({ runOnDemand: script }),
    { name: 'cam', groups: [], rtspPort: () => 8554 },
    box.programs,
  );
  const end = commands.demanded('');
  await expect.poll(box.written).toEqual(['begin']);
  void end();
  const endAgain = commands.demanded('');
  await expect.poll(box.written).toEqual(['begin', 'end', 'begin']);
  await endAgain();
  expect(box.written()).toEqual(['begin', 'end', 'begin', 'end']);
});

test('a command that is cancelled in the queue is not started', async () => {
  await using box = openHookHarness();
  const commands = new PathCommands(
    settingsOf({ runOnDemand: `sh -c 'echo begin >> $OUT; sleep 1000'` }),
    { name: 'cam', groups: [], rtspPort: () => 8554 },
    box.programs,
  );
  const end = commands.demanded('');
  await expect.poll(box.written).toEqual(['begin']);
  void end();
  await commands.demanded('')();
  expect(box.written()).toEqual(['begin']);
});

test('lasting commands wait until the former path of this name is closed, those of readers do not', async () => {
  await using box = openHookHarness();
  const former = Promise.withResolvers<void>();
  const settings = settingsOf({ runOnDemand: 'sh -c "echo demand >> $OUT"', runOnRead: 'sh -c "echo read >> $OUT"' });
  const facts = { name: 'cam', groups: undefined, rtspPort: () => 8554, former: former.promise };
  const commands = new PathCommands(settings, facts, box.programs);
  const ends = [commands.demanded(''), commands.read({ type: 'hlsSession', id: 'R' }, '')];
  await expect.poll(box.written).toEqual(['read']);
  former.resolve();
  await expect.poll(box.written).toEqual(['read', 'demand']);
  await Promise.all(ends.map((end) => end()));
});

test('commands of readers, and of paths that match a pattern, count as caused by clients', async () => {
  await using box = openHookHarness();
  const kept = vi.spyOn(box.programs, 'keep');
  const once = vi.spyOn(box.programs, 'once');
  const keys = ['runOnDemand', 'runOnUnDemand', 'runOnRead', 'runOnUnread', 'runOnAvailable', 'runOnUnavailable'];
  const settings = settingsOf(Object.fromEntries(keys.map((key) => [key, 'true'])));
  const run = async (groups: readonly string[] | undefined) => {
    const commands = new PathCommands(settings, { name: 'cam', groups, rtspPort: () => 8554 }, box.programs);
    const source = { type: 'rtspSession', id: 'S', query: '' };
    const read = commands.read({ type: 'hlsSession', id: 'R' }, '');
    await Promise.all([commands.demanded(''), commands.available(source), read].map((end) => end()));
    const calls = [kept, once].flatMap((spy) => spy.mock.calls.splice(0).map(([command]) => command));
    return calls.filter(({ isCaused }) => isCaused).map(({ hook }) => hook);
  };
  expect((await run(undefined)).sort()).toEqual(['runOnRead', 'runOnUnread']);
  expect((await run([])).sort()).toEqual(keys.toSorted());
});

test('changed commands and groups apply to commands that start later', async () => {
  await using box = openHookHarness();
  const facts = { name: 'cam', groups: ['one'], rtspPort: () => 8554 };
  const commands = new PathCommands(settingsOf({ runOnUnread: 'sh -c "echo a $G1 >> $OUT"' }), facts, box.programs);
  const end = commands.read({ type: 'hlsSession', id: 'R' }, '');
  commands.follow(settingsOf({ runOnUnread: 'sh -c "echo b $G1 >> $OUT"' }), ['two']);
  await end();
  await expect.poll(box.written).toEqual(['b two']);
});

test('a client of the RTSP server has a command while it is connected, and one after it has disconnected', async () => {
  await using box = openHookHarness();
  const text = (hook: string) => `sh -c 'echo "${hook} $MTX_CONN_TYPE $MTX_CONN_ID $RTSP_PORT"'`;
  const settings = { runOnConnect: text('connect'), runOnConnectRestart: false, runOnDisconnect: text('disconnect') };
  const commands = new ConnectionCommands(() => ({ ...settings, rtspPort: 8554 }), box.programs);
  const gone = commands.opened({ apiType: 'rtspsConn', protocol: 'rtsps' }, 'C');
  await expect.poll(box.said).toEqual(['connect rtspsConn C 8554']);
  gone();
  await expect.poll(box.said).toEqual(['connect rtspsConn C 8554', 'disconnect rtspsConn C 8554']);
});
