import { createHash } from 'node:crypto';
import { statSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { FEATURES } from '../../../../agent/app/features/table.ts';
import { loadPrivate } from '../../../../agent/base/files/durable-file.ts';
import type { Feature, Host } from '../../../../agent/features/contract.ts';
import { FETCHED_BOOTS } from '../../../../agent/record/file/file-mark.ts';
import { readRecordingHead } from '../../../../agent/record/file/recording-file.ts';
import { startOnvifCamera } from '../../../onvif-camera/camera.ts';
import { filledCard } from '../../../onvif-camera/card/filled-card.ts';
import type { Quirks } from '../../../onvif-camera/quirks.ts';
import { AGENT } from '../../../peers/agent/agent.ts';
import { runProcess } from '../../../peers/programs/process.ts';
import { freeUdpPort } from '../../../support/base/free-udp-port.ts';
import { filesBelow, record, temporaryFolder, WALL } from '../../../support/disks/recordings.ts';
import { openAdoptionHarness } from '../../../support/harness/adoption-harness.ts';
import { openPlayback } from '../../../support/harness/playback.ts';

const LOGIN = { user: 'admin', password: 'pässword' };
const START_MS = Date.UTC(2026, 2, 1, 12);
const SECONDS = 40;
const MINUTE = { timeout: 60_000, interval: 250 };
const digest = (bytes: Uint8Array): string => createHash('sha1').update(bytes).digest('hex');

async function picturesOf({ recordings: { playback } }: Pick<Host, 'recordings'>, path: string): Promise<string[]> {
  const all: string[] = [];
  const range = { fromUs: 0, toUs: Date.now() * 1_000, signal: new AbortController().signal, wants: () => true };
  for await (const { data, timesUs } of playback.video(path, range)) {
    data.forEach((one, i) => void all.push(`${Math.round((timesUs[i] ?? 0) / 1_000)} ${digest(one)}`));
  }
  return all;
}

async function openBox(paths: string) {
  let host: Host | undefined;
  const probe: Feature = {
    name: 'probe',
    open: (one) => {
      host = one;
      return {};
    },
  };
  const box = await openAdoptionHarness({ port: await freeUdpPort() }, paths, { features: [...FEATURES, probe] });
  onTestFinished(() => box[Symbol.asyncDispose]());
  return { box, host: host ?? expect.fail('no Perch has started') };
}

async function openRecorder(quirks: Quirks = {}) {
  const span = (name: string, from: number, until: number) => ({
    ...{ name, fromMs: START_MS + from * 1_000, untilMs: START_MS + until * 1_000 },
  });
  const cardChannels = [span('Yard', 0, 20), span('Gate', 10, SECONDS)];
  const card = filledCard({ fromMs: START_MS, seconds: SECONDS });
  const camera = await startOnvifCamera({ quirks: { cardChannels, ...quirks }, credentials: LOGIN, card });
  onTestFinished(() => camera[Symbol.asyncDispose]());
  return camera;
}

const PATHS =
  'recordPath: ./recordings/%path/%Y-%m-%d_%H-%M-%S-%f\npathDefaults: { recordDeleteAfter: 0s }\npaths:\n  yard:\n    source: publisher\n';

test('over the API: the channels of a recorder, what they take, and an import that is paused, goes on and tells nobody the password', async () => {
  const camera = await openRecorder({ replayPace: 15 });
  const { box, host } = await openBox(PATHS);
  const recorder = { address: camera.url.replace(/^http/, 'onvif'), ...LOGIN };
  const wrong = await box.call('POST', '/recordings/transfer/look', { recorder: { ...recorder, password: 's3cret' } });
  expect(wrong.status).toBe(400);
  const { body: found } = await box.call('POST', '/recordings/transfer/look', { recorder });
  expect(found).toMatchObject({
    groups: [
      { name: 'Gate', program: 'onvif', first: '2026-03-01T12:00:10.000Z', last: '2026-03-01T12:00:40.000Z', days: 1 },
      { name: 'Yard', files: 1, bytes: 0 },
    ],
  });
  const [gate, yard] = (found['groups'] as { group: string }[]).map(({ group }) => group);
  const items = [
    { group: gate, name: 'Gate' },
    { group: yard, path: 'yard' },
  ];
  const request = { kind: 'recorder', recorder, items };
  const foreseen = (await box.call('POST', '/recordings/transfer/foresee', request)).body;
  expect(foreseen).toMatchObject({ seconds: 50, missingBytes: 0, old: 0 });
  expect(foreseen['bytes']).toBeGreaterThan(1e6);
  const begun = await box.call('POST', '/recordings/transfer', request);
  expect([begun.status, begun.body['kind'], begun.body['phase']]).toEqual([200, 'recorder', 'running']);
  const stateOf = async () => (await box.call('GET', '/recordings/transfer')).body;
  await expect.poll(async () => ((await stateOf())['bytes'] as { done: number }).done, MINUTE).toBeGreaterThan(0);
  await box.call('POST', '/recordings/transfer/pause', {});
  const paused = await stateOf();
  expect(paused['phase']).toBe('paused');
  expect(paused['channels']).toMatchObject([
    { path: 'gate', name: 'Gate', totalSeconds: 30 },
    { path: 'yard', name: 'Yard', totalSeconds: 20 },
  ]);
  expect(JSON.stringify(paused)).not.toContain(LOGIN.password);
  const journal = join(host.dataDir, 'transfer.json');
  expect(statSync(journal).mode & 0o777).toBe(0o600);
  expect(JSON.stringify(await loadPrivate(journal))).toContain(LOGIN.password);
  await box.call('POST', '/recordings/transfer/resume', {});
  await expect.poll(async () => (await stateOf())['phase'], MINUTE).toBe('done');
  expect(await loadPrivate(journal)).toBeUndefined();
  expect([(await picturesOf(host, 'yard')).length, (await picturesOf(host, 'gate')).length]).toEqual([200, 300]);
  expect(box.log.join('')).not.toContain(LOGIN.password);

  const [file = ''] = filesBelow(join(box.folder, 'recordings/yard'));
  await using handle = await open(file);
  expect((await readRecordingHead(handle)).fileMark).toMatchObject({ bootId: FETCHED_BOOTS.recorder });
  const query = new URLSearchParams({
    from: new Date(START_MS - 60_000).toISOString(),
    to: new Date(START_MS + 60_000).toISOString(),
  });
  const { fetched, imported } = (await box.call('GET', `/timeline/yard?${query}`)).body;
  expect([fetched, imported]).toEqual([[], [expect.anything()]]);

  // The same again takes nothing twice, and finds the camera that it has added.
  expect((await box.call('POST', '/recordings/transfer/foresee', request)).body).toMatchObject({
    seconds: 0,
    bytes: 0,
  });
  await box.call('POST', '/recordings/transfer', request);
  await expect.poll(async () => (await stateOf())['phase'], MINUTE).toBe('done');
  expect([(await picturesOf(host, 'yard')).length, (await picturesOf(host, 'gate')).length]).toEqual([200, 300]);
});

test('perch import in a process of its own takes what another Perch offers by Profile G, picture for picture', async () => {
  const folder = temporaryFolder();
  onTestFinished(() => folder[Symbol.dispose]());
  const recordPath = join(folder.path, '%path/%s-%f');
  await record(folder.path, 6, { recordPath });
  await record(folder.path, 3, { recordPath, wall: WALL + 16_000 });
  const config = `onvif: yes\nonvifDiscovery: no\nonvifAddress: 127.0.0.1:0\npaths:\n  cam:\n    recordPath: ${recordPath}\n`;
  const { box, host } = await openBox(config);
  const { cameras } = (await box.call('GET', '/onvif')).body as { cameras: { port: number }[] };
  const password = await box.call('POST', '/devicepasswords', {
    name: 'N',
    live: false,
    onvif: true,
    recordings: true,
  });
  const { user, password: secret } = password.body as { user: string; password: string };

  const target = temporaryFolder();
  onTestFinished(() => target[Symbol.dispose]());
  const file = join(target.path, 'perch.yml');
  const template = join(target.path, '%path/%Y-%m-%d_%H-%M-%S-%f');
  writeFileSync(file, `perch: own\nrecordPath: ${template}\npaths: { yard: { recordDeleteAfter: 0s } }\n`);
  const address = `onvif://${user}@127.0.0.1:${cameras[0]?.port}`;
  const perch = (...more: string[]) => {
    const words = ['import', address, ...more, '--data', join(target.path, 'data'), file];
    return runProcess('env', ['TZ=UTC', `PERCH_RECORDER_PASSWORD=${secret}`, process.execPath, ...AGENT, ...words]);
  };
  const listed = await perch();
  expect([listed.code, listed.output]).toEqual([
    0,
    expect.stringMatching(/^cam: 2026-07-01T12:00:00Z to 2026-07-01T12:00:19Z/m),
  ]);
  const first = await perch('--path', 'yard');
  expect([first.code, first.output]).toEqual([0, expect.stringContaining('2 recordings taken')]);
  expect(first.output).not.toContain(secret);
  const again = await perch('--path', 'yard');
  expect([again.code, again.output]).toEqual([0, expect.stringContaining('0 recordings taken')]);
  const other = await perch('--path', 'yard', '--camera', 'Nope');
  expect([other.code, other.output]).toEqual([
    1,
    expect.stringContaining("no channel 'Nope'; its channels are: 'cam'"),
  ]);

  await using playback = openPlayback(target.path);
  const mine = await picturesOf({ recordings: { playback } } as unknown as Host, 'yard');
  expect(mine).toEqual(await picturesOf(host, 'cam'));
  expect(mine).toHaveLength(90);
});
