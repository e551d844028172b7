import { spawnSync } from 'node:child_process';
import { globSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { PathStatus } from '../../../agent/paths/path-status.ts';
import { startAgent, until } from '../../peers/agent/agent.ts';
import { startDemo } from '../../peers/agent/demo-agent.ts';
import { ffmpegWarnings } from '../../peers/programs/ffmpeg.ts';
import { byLength, describeWith } from '../../peers/programs/peers.ts';
import { temporaryFolder } from '../../support/disks/recordings.ts';

const run = (command: string, ...args: string[]): boolean => spawnSync(command, args).status === 0;

/** An ext4 file system in a file. While it is frozen, writes to it wait, as with a disk that no longer responds. */
class FreezingDisk implements Disposable {
  readonly folder: string;
  #isFrozen = false;

  static mount(image: string, folder: string): FreezingDisk {
    const isMounted =
      run('truncate', '-s', '64M', image) &&
      run('mkfs.ext4', '-q', '-F', image) &&
      run('mount', '-o', 'loop', image, folder);
    expect(isMounted).toBe(true);
    return new FreezingDisk(folder);
  }

  private constructor(folder: string) {
    this.folder = folder;
  }

  freeze(): void {
    this.#isFrozen = run('fsfreeze', '-f', this.folder);
    expect(this.#isFrozen).toBe(true);
  }

  thaw(): void {
    this.#isFrozen &&= !run('fsfreeze', '-u', this.folder);
  }

  [Symbol.dispose](): void {
    this.thaw();
    run('umount', '-l', this.folder);
  }
}

describeWith(['ffmpeg', 'loop mounts'], 'a disk that hangs', () => {
  test('blocks neither the other disk, nor a change of the configuration, nor the exit; flushed recordings play', async () => {
    using image = temporaryFolder();
    using folder = temporaryFolder();
    using disk = FreezingDisk.mount(join(image.path, 'disk'), folder.path);
    const camera = await startDemo();
    onTestFinished(() => camera.close());
    const source = camera.rtspUrl('main');
    const config = `pathDefaults: { source: ${source}, record: yes, recordPartDuration: 500ms }
recordSyncInterval: 1s
paths:
  stuck: { recordPath: ${disk.folder}/%path/%Y-%m-%d_%H-%M-%S-%f }
  free: {}
`;
    await using agent = await startAgent({ config });
    // Before the agent ends, which would wait for the hung disk.
    using _thaw = { [Symbol.dispose]: () => disk.thaw() };
    const find = (name: string) => agent.json<PathStatus>(`/v3/paths/get/${name}`);
    for (const name of ['stuck', 'free']) {
      await until(async () => ((await find(name)).recording?.active ? true : undefined));
    }
    const sizeOf = (glob: string) => globSync(glob).reduce((sum, file) => sum + statSync(file).size, 0);
    const [stuck, free] = [join(disk.folder, 'stuck/*.mp4'), join(agent.dataDir, 'recordings/free/*.mp4')];
    await until(() => (sizeOf(stuck) > 200_000 ? true : undefined));
    disk.freeze();
    const frozenBytes = sizeOf(stuck);
    const freeBytes = sizeOf(free);
    await until(() => (sizeOf(free) > freeBytes + byLength(150_000, 400_000) ? true : undefined));
    expect(sizeOf(stuck)).toBe(frozenBytes);
    const disks = () => agent.json<{ items: { folder: string; state: string }[] }>('/v3/disks');
    await until(async () => {
      const { items } = await disks();
      return items.some(({ folder: at, state }) => at.startsWith(disk.folder) && state === 'hanging')
        ? true
        : undefined;
    });

    const file = join(agent.dataDir, 'test.yml');
    writeFileSync(file, readFileSync(file, 'utf8').replace(/^ {2}stuck:.*\n/m, ''));
    await until(async () => {
      const paths = await agent.json<{ items: { name: string }[] }>('/v3/paths/list');
      return paths.items.some(({ name }) => name === 'stuck') ? undefined : true;
    });
    await until(() => (agent.process.output().includes('disk hangs, recordings stay unfinished') ? true : undefined));
    const ended = agent.process.stop('SIGINT');
    await until(() => (agent.process.output().includes(' stopped') ? true : undefined));
    disk.thaw();
    await ended;

    await using again = await startAgent({ config });
    const [left = ''] = globSync(stuck);
    await until(() => (again.process.output().includes(left) ? true : undefined));
    expect(await ffmpegWarnings(['-i', left])).toBe('');
  }, 180_000);
});
