import { existsSync, statfsSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { AGENT, type Agent, startAgent, until } from '../peers/agent/agent.ts';
import { playClip, smallClip, startGstCamera } from '../peers/cameras/camera.ts';
import { describeWith } from '../peers/programs/peers.ts';
import { emptyNetwork } from './machine/empty-network.ts';
import { imageDisk } from './machine/image-disk.ts';
import { expectWhole, filesOf, recordingGoesOn } from './machine/recorded-whole.ts';

const MINUTES = Number(process.env['PERCH_FAULT_MINUTES'] ?? 5);
const KILL_EVERY_SECONDS = 10;
const MB = 1_000_000;

const config = (url: string, folder: string): string => `playback: yes
recordSyncInterval: 1s
pathDefaults: { record: yes, recordDeleteAfter: 0s, recordPath: ${folder}/%path/%Y-%m-%d_%H-%M-%S-%f }
paths:
  garden: { source: ${url} }
`;
const camera = async (seconds: number) => startGstCamera({ '/main': playClip(await smallClip(seconds), true) });
const bytesOf = (folder: string) => filesOf(folder, 'garden').reduce((sum, file) => sum + statSync(file).size, 0);
const stateOf = async (agent: Agent): Promise<string | undefined> =>
  (await agent.json<{ items: { state: string }[] }>('/v3/disks')).items[0]?.state;

describeWith(
  ['ffmpeg', 'gstreamer', 'loop mounts'],
  'after a fault recording continues, and all recordings are complete:',
  () => {
    test(`a process that is killed every ${KILL_EVERY_SECONDS} s for ${MINUTES} minutes`, async () => {
      await using source = await camera(600);
      await using disk = await imageDisk(256);
      await using first = await startAgent({ config: config(source.url('/main'), disk.folder) });
      let agent: Agent = first;
      for (let kill = 0; kill < (MINUTES * 60) / KILL_EVERY_SECONDS; kill += 1) {
        await delay(KILL_EVERY_SECONDS * 1_000);
        await agent.process.stop('SIGKILL');
        // At once, as the service manager does.
        agent = await startAgent({ config: config(source.url('/main'), disk.folder), dataDir: first.dataDir });
      }
      await recordingGoesOn(agent, 'garden', () => bytesOf(disk.folder));
      await expectWhole(agent, disk.folder, 'garden');
    });

    test('a disk that another program fills to the last block', async () => {
      await using source = await camera(600);
      await using disk = await imageDisk(64);
      await using agent = await startAgent({ config: config(source.url('/main'), disk.folder) });
      await recordingGoesOn(agent, 'garden', () => bytesOf(disk.folder));
      const ballast = join(disk.folder, 'ballast');
      const { bfree, bsize } = statfsSync(disk.folder);
      expect(bfree * bsize).toBeGreaterThan(20 * MB);
      expect(() => writeFileSync(ballast, new Uint8Array(bfree * bsize))).toThrow('ENOSPC');
      await until(async () => ['full', 'nearlyFull'].includes((await stateOf(agent)) ?? '') || undefined);
      await until(async () => (await fetch(`${agent.url}/health`)).status === 503 || undefined);
      unlinkSync(ballast);
      await recordingGoesOn(agent, 'garden', () => bytesOf(disk.folder));
      await expectWhole(agent, disk.folder, 'garden');
    });

    test('a file system that becomes read-only, is unplugged, repaired and plugged in again', async () => {
      await using source = await camera(600);
      await using disk = await imageDisk(64);
      await using agent = await startAgent({ config: config(source.url('/main'), disk.folder) });
      await recordingGoesOn(agent, 'garden', () => bytesOf(disk.folder));
      // By its mark the disk is known when it is back.
      await until(() => existsSync(join(disk.folder, '.perch-disk')) || undefined);
      await disk.abort();
      await until(async () => (await fetch(`${agent.url}/health`)).status === 503 || undefined);
      await until(async () => ['readOnly', 'failing'].includes((await stateOf(agent)) ?? '') || undefined);
      await disk.pull();
      await until(async () => (await stateOf(agent)) === 'vanished' || undefined);
      await disk.putBack();
      await recordingGoesOn(agent, 'garden', () => bytesOf(disk.folder));
      await expectWhole(agent, disk.folder, 'garden');
    });
  },
);

describeWith(['ffmpeg', 'gstreamer', 'loop mounts', 'namespaces'], 'without any network at its start', () => {
  test('a box waits, and records once it has a network', async () => {
    await using network = await emptyNetwork();
    await using disk = await imageDisk(64);
    const file = join(disk.folder, 'test.yml');
    writeFileSync(file, `address: ':8080'\nrtspAddress: ':8654'\n${config('rtsp://127.0.0.1:8554/main', disk.folder)}`);
    const agent = network.start(process.execPath, [...AGENT, '--data', join(disk.folder, 'data'), file]);
    try {
      await agent.waitFor(/Perch is at http/);
      await agent.waitFor(/\[garden\].*no network route to/);
      await network.up();
      const clip = await smallClip(600);
      const script = join(import.meta.dirname, '../peers/cameras/gst-camera.py');
      const source = network.start('/usr/bin/python3', [script, '8554', `/main=${playClip(clip, true)}`]);
      try {
        await source.waitFor(/ready (\d+)/);
        await until(() => bytesOf(disk.folder) > 200_000 || undefined);
        await expectWhole({ process: agent, dataDir: join(disk.folder, 'data') }, disk.folder, 'garden');
      } finally {
        await source.stop('SIGKILL');
      }
    } finally {
      await agent.stop('SIGINT');
    }
  });
});
