import { execFile } from 'node:child_process';
import { globSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { readRecordingHead } from '../../../agent/record/file/recording-file.ts';
import { ffmpegWarnings } from '../../peers/programs/ffmpeg.ts';
import { type DebianMachine, type DebianMachineOptions, debianMachine } from './debian-machine.ts';

const run = promisify(execFile);
const BUILD = join(import.meta.dirname, '../../../packaging/build.ts');
const VERSION = '1.0.0';
const PASSWORD = 'correct horse battery';
const FIRST_FOLDER = '/var/lib/perch/recordings';
/** A disk without a file system, on which an archive is passed to the host. */
const OUT = 'out';
const OUT_MEGABYTES = 1_000;

export type PerchMachineOptions = Pick<
  DebianMachineOptions,
  'disks' | 'batteryTime' | 'packages' | 'kernel' | 'cards' | 'devices' | 'prepare'
>;

/** Debian 13 without a network but those of its cards, with Perch's own packages; what it records is the demo camera. */
export class PerchMachine implements AsyncDisposable {
  readonly machine: DebianMachine;
  readonly #folder: string;

  private constructor(machine: DebianMachine, folder: string) {
    this.machine = machine;
    this.#folder = folder;
  }

  /** It has Perch's Node; Perch itself is installed by `install`. */
  static async boot({ disks = {}, ...options }: PerchMachineOptions = {}): Promise<PerchMachine> {
    const folder = mkdtempSync(join(tmpdir(), 'perch-debs-'));
    try {
      // The same bytes at every commit: a root that has its Node is made once.
      const env = { ...process.env, SOURCE_DATE_EPOCH: '1700000000' };
      await run(process.execPath, [BUILD, '--quick', '--out', folder, '--version', VERSION], { env });
      const machine = await debianMachine({
        ...options,
        suite: 'trixie',
        files: [join(folder, `perch_${VERSION}_all.deb`)],
        installed: [join(folder, `perch-node_${VERSION}_amd64.deb`)],
        disks: { ...disks, [OUT]: OUT_MEGABYTES },
      });
      await machine.boot();
      return new PerchMachine(machine, folder);
    } catch (error) {
      rmSync(folder, { recursive: true });
      throw error;
    }
  }

  async install(): Promise<void> {
    await this.machine.must(`dpkg --install /files/perch_${VERSION}_all.deb`);
    await this.machine.until(HEALTHY);
    await this.machine.must(`echo '${PASSWORD}' | perch claim`);
  }

  /** As its owner. @returns the answer, which has to be good */
  async ask<T = unknown>(method: 'GET' | 'POST' | 'PUT' | 'PATCH', path: string, body?: object): Promise<T> {
    const { status, answer } = await this.asked<T>(method, path, body);
    expect(status, `${path}: ${JSON.stringify(answer)}`).toBe(200);
    return answer;
  }

  async asked<T = unknown>(method: string, path: string, body?: object): Promise<{ status: number; answer: T }> {
    const login = `-u 'owner:${PASSWORD}'`;
    const sent = body ? `-H 'Content-Type: application/json' -d '${JSON.stringify(body)}'` : '';
    const write = `-w '\\n%{http_code}'`;
    const { output } = await this.machine.run(
      `curl -sS -m 60 -X ${method} ${login} ${sent} ${write} 'http://127.0.0.1/v3/${path}'`,
    );
    const [answer = '', status = ''] = output.trim().split(/\n(?=\d+$)/);
    // Without an answer it is 0, and what curl says of it.
    return { status: Number(status), answer: /^[[{]/.test(answer) ? JSON.parse(answer) : answer };
  }

  /** Has a disk formatted, mounted as docs/guide/install/linux.md says, opened and recorded to. @returns where it is mounted */
  async recordTo(disk: string): Promise<string> {
    const device = `/dev/disk/by-id/virtio-${disk}`;
    const folder = `/mnt/${disk}`;
    await this.machine.must(`mkfs.ext4 -q ${device} && mkdir ${folder}`);
    await this.machine.must(
      `echo ${device} ${folder} ext4 nofail,noatime 0 2 >> /etc/fstab && systemctl daemon-reload`,
    );
    await this.machine.must(`mount ${folder}`);
    // A busy machine may check or open it after the time limit: then Perch restarts meanwhile.
    const canWrite = async () => {
      const { answer } = await this.asked<{ items?: { folder: string; writable: boolean }[] }>('GET', 'disks/places');
      return answer.items?.find((place) => place.folder === folder)?.writable === true;
    };
    while (!(await canWrite())) {
      await this.asked('POST', 'disks/places/open', { folder });
      await delay(5_000);
    }
    await this.machine.until(HEALTHY);
    await this.ask('PATCH', 'config/pathdefaults/patch', {
      recordPath: `${folder}/perch/%path/%Y-%m-%d_%H-%M-%S-%f`,
    });
    await this.goesOn(`${folder}/perch`);
    return folder;
  }

  mainPid(): Promise<string> {
    return this.machine.must(MAIN_PID);
  }

  /** Perch is healthy, and the recordings below the folder grow. */
  async goesOn(folder: string): Promise<void> {
    await this.machine.until(HEALTHY);
    await this.machine.until(
      [
        // Perch makes folders and files meanwhile.
        `bytes() { find ${folder} -name '*.mp4' -printf '%s\n' 2> /dev/null | awk '{ sum += $1 } END { print sum + 0 }'; }`,
        'before=$(bytes); sleep 5; [ "$(bytes)" -gt $((before + 20000)) ]',
      ].join('\n'),
    );
  }

  /** Files of recordings below the folder, by their names. */
  async filesIn(folder: string): Promise<string[]> {
    return (await this.machine.must(`find ${folder} -name '*.mp4' 2> /dev/null | sort`)).split('\n').filter(Boolean);
  }

  /** Faults found by `perch doctor`, one line each. */
  async ills(): Promise<string> {
    const { output } = await this.machine.run('perch doctor');
    return output
      .split('\n')
      .filter((line) => line.startsWith('bad '))
      .join('\n');
  }

  /**
   * Recording continues, and after Perch has ended each file below the folder is finished and decodes without a warning
   * of ffmpeg on the host. Started again it continues, and its index has as many recordings as files.
   */
  async isWholeAndGoesOn(folder: string): Promise<void> {
    let files: string[] = [];
    const endAndLook = async () => {
      await this.machine.must('systemctl start perch.service');
      await this.goesOn(folder);
      await this.machine.must('systemctl stop perch.service');
      files = await this.#copied(folder);
      return unfinished(files);
    };
    // Truncated files are finished some seconds after a start.
    await expect.poll(endAndLook, { timeout: 600_000 }).toEqual([]);
    expect(files).not.toEqual([]);
    for (const file of files) {
      expect(await ffmpegWarnings(['-i', file]), file).toBe('');
    }
    await this.machine.must('systemctl start perch.service');
    await this.goesOn(folder);
    const known = async () => (await this.ask<{ segments: unknown[] }>('GET', 'recordings/get/demo')).segments.length;
    // Recordings from before another disk was chosen are known as well.
    const there = async () => new Set([...(await this.filesIn(FIRST_FOLDER)), ...(await this.filesIn(folder))]).size;
    await expect.poll(async () => (await known()) - (await there())).toBe(0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.machine[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true });
  }

  /** @returns the recordings below a folder, as files of the host's */
  async #copied(folder: string): Promise<string[]> {
    const device = `/dev/disk/by-id/virtio-${OUT}`;
    await this.machine.must(`tar -C ${folder} -cf ${device} . && sync ${device}`);
    const to = join(this.#folder, 'copied');
    rmSync(to, { recursive: true, force: true });
    mkdirSync(to);
    await run('tar', ['-C', to, '-xf', this.machine.fileOf(OUT)]);
    return globSync(join(to, '**/*.mp4')).sort();
  }
}

export const HEALTHY = `curl -sSf -m 20 http://127.0.0.1/health | grep -q '"ok"'`;
export const NOT_RECORDING = `curl -sS -m 20 http://127.0.0.1/health | grep -q '"not recording"'`;
const MAIN_PID = 'systemctl show perch.service --property=MainPID --value';

async function unfinished(files: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const file of files) {
    await using handle = await open(file);
    if (!(await readRecordingHead(handle)).isFinished) {
      found.push(file);
    }
  }
  return found;
}
