import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { keepReport, type ReportFacts, reportLines } from './doctor.ts';

type Path = ReportFacts['paths'][number];

const DOOR: Path = {
  ...{ name: 'door', title: 'Front door', ready: true, paused: false, sourceState: 'running', sourceOnDemand: false },
  ...{ lastError: null, configError: null, recording: { active: true, error: null, why: null, since: null } },
};
const facts = (more: Partial<ReportFacts> = {}): ReportFacts => ({
  port: 80,
  host: '127.0.0.1',
  paths: [],
  disks: [],
  isClockTrusted: true,
  isClaimed: true,
  fingerprint: undefined,
  native: { bursts: {}, batches: {}, gcm: {}, reads: {} },
  ...more,
});
const lineOf = (path: Partial<Path>) => reportLines(facts({ paths: [{ ...DOOR, ...path }] })).split('\n')[2];

test('the fingerprint is reported as in /trust', () => {
  const fingerprint = Array.from({ length: 32 }, () => 'AB').join(':');
  const line = Array.from({ length: 4 }, () => 'ABAB ABAB ABAB ABAB').join(' · ');
  expect(reportLines(facts({ fingerprint })).split('\n')[2]).toBe(`ok /trust shows the fingerprint ${line}`);
});

test('the address of the page is reported if it is not the usual one, before the port', () => {
  expect(reportLines(facts({ host: '192.168.1.5' }))).toBe('host 192.168.1.5\nport 80\nok the clock is set\n');
});

test('native functions are reported once they are opened, or why they cannot be used', () => {
  const isUsed = { isUsed: true };
  expect(reportLines(facts({ native: { bursts: isUsed, batches: isUsed, gcm: isUsed, reads: isUsed } }))).toContain(
    "\nok UDP packets are sent in bursts\nok WebRTC is encrypted by OpenSSL's AES-GCM\nok cameras over TCP are read without an event per read\nok UDP datagrams are received many at once\n",
  );
  const [isUnused, reason] = [{ isUsed: false, reason: 'this Node has no node:ffi' }, '(this Node has no node:ffi)'];
  expect(
    reportLines(facts({ native: { bursts: isUnused, batches: isUnused, gcm: isUnused, reads: isUnused } })),
  ).toContain(
    `\nnote UDP packets are sent one by one ${reason}\nnote WebRTC is encrypted without OpenSSL's AES-GCM ${reason}\nnote cameras over TCP cost an event per read ${reason}\nnote UDP datagrams are received one by one ${reason}\n`,
  );
  expect(reportLines(facts({ native: { ...facts().native, batches: isUsed } }))).toContain(
    '\nok UDP datagrams are received many at once\n',
  );
  expect(reportLines(facts())).not.toMatch(/UDP|WebRTC|cameras over TCP/);
});

test.for<[string, Partial<Path>, string]>([
  ['is there', {}, 'ok camera Front door sends video and is recorded'],
  ['is there and not to be recorded', { recording: null, title: null }, 'ok camera door sends video'],
  [
    'is away',
    { ready: false, lastError: 'connection refused by rtsp://admin:secret@192.168.1.20/1' },
    'bad camera Front door sends no video (connection refused by rtsp://192.168.1.20/1): check its power, cable and password',
  ],
  [
    'is online, but recording fails',
    { recording: { active: false, error: 'the disk is full', why: 'disk', since: null } },
    'bad camera Front door sends video but is not recorded: the disk is full',
  ],
  ['was refused', { configError: 'no such source' }, 'bad camera Front door: no such source: see perch check'],
  ['is paused', { paused: true, ready: false }, ''],
  ['has no reader', { sourceOnDemand: true, ready: false }, ''],
  ['is a publisher', { sourceState: null, ready: false }, ''],
])('a camera that %s', ([, path, line]) => {
  expect(lineOf(path)).toBe(line);
});

test.for<[string, Partial<Path>, Partial<Path>, string[]]>([
  ['is well', {}, {}, ['ok camera Front door sends video and is recorded']],
  [
    'is away with the large one',
    { ready: false },
    { ready: false },
    ['bad camera Front door sends no video (it has not answered yet): check its power, cable and password'],
  ],
  [
    'is away alone',
    {},
    { ready: false, lastError: 'not found' },
    [
      'ok camera Front door sends video and is recorded',
      'bad camera Front door (its sub stream) sends no video (not found): check its power, cable and password',
    ],
  ],
  [
    'cannot be recorded',
    {},
    { recording: { active: false, error: 'the disk is full', why: 'disk', since: null } },
    [
      'ok camera Front door sends video and is recorded',
      'bad camera Front door (its sub stream) sends video but is not recorded: the disk is full',
    ],
  ],
  [
    'was refused',
    { ready: false, lastError: 'no' },
    { configError: 'no such source', title: null },
    [
      'bad camera Front door sends no video (no): check its power, cable and password',
      'bad camera door_sub (its sub stream): no such source: see perch check',
    ],
  ],
  [
    'alone is fetched, and comes,',
    { ready: false, sourceOnDemand: true },
    {},
    ['ok camera Front door (its sub stream) sends video'],
  ],
  [
    'alone is pulled and offline',
    { ready: false, sourceOnDemand: true },
    { ready: false, lastError: 'not found' },
    ['bad camera Front door (its sub stream) sends no video (not found): check its power, cable and password'],
  ],
])('a camera whose sub stream %s is reported once', ([, large, small, lines]) => {
  const paths = [
    { ...DOOR, ...large },
    { ...DOOR, name: 'door_sub', recording: null, ...small },
  ];
  expect(reportLines(facts({ paths })).split('\n').slice(2, -1)).toEqual(lines);
});

test('a path with the name of a sub stream but no main stream is its own camera', () => {
  const paths = [{ ...DOOR, name: 'yard_sub', title: null }];
  expect(reportLines(facts({ paths }))).toContain('ok camera yard_sub sends video');
});

test('a disk too full for recording is reported with a remedy', () => {
  const error = 'recording has stopped, 0.0 GB free: delete something';
  const disks = [{ folder: '/srv/perch', state: 'nearlyFull', error, freeBytes: 0 }] as const;
  expect(reportLines(facts({ disks }))).toContain(`bad not recording to /srv/perch: ${error}`);
});

test('problems of disks, clock and port are reported with remedies', () => {
  const disks = [
    { folder: '/mnt/usb/perch', state: 'ok', error: null, freeBytes: 60e9 },
    { folder: '/mnt/old', state: 'vanished', error: 'the disk is not there', freeBytes: null },
  ] as const;
  expect(reportLines(facts({ disks, port: undefined, isClockTrusted: false })).split('\n')).toEqual([
    'bad the page has no port: see perch logs',
    'ok recordings go to /mnt/usb/perch, 60 GB free',
    'bad not recording to /mnt/old: the disk is not there',
    'bad the clock may be wrong: connect this box to the network, or log in on the page from a phone',
    '',
  ]);
});

test('any name or text of a camera prints one line of limited length, and the number of lines is limited', () => {
  const odd = { ...DOOR, title: `a\nok b\u001b[2J${'x'.repeat(1_000)}` };
  const lines = reportLines(facts({ paths: Array.from({ length: 2_000 }, () => odd) })).split('\n');
  expect(lines).toHaveLength(501);
  expect(lines[2]).toMatch(/^ok camera a ok b \[2Jx+$/);
  expect(lines[2]).toHaveLength(300);
});

test('the report is in a file that only Perch and root can read, and is updated', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'perch-report-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const clock = new FakeClock();
  let now = facts();
  keepReport(folder, () => now, clock);
  const read = () => {
    try {
      return readFileSync(join(folder, 'report'), 'utf8');
    } catch {
      return '';
    }
  };
  await expect.poll(read).toBe('port 80\nok the clock is set\n');
  expect(statSync(join(folder, 'report')).mode & 0o777).toBe(0o600);
  now = facts({ paths: [DOOR] });
  await clock.advance(10_000);
  await expect.poll(read).toContain('Front door sends video');
});

test('a folder without write permission is ignored', async () => {
  const clock = new FakeClock();
  keepReport('/not/there', facts, clock);
  await clock.advance(60_000);
  expect(clock.sleeping).toBe(1);
});
