import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseConfig } from '../../../agent/config/load/load.ts';
import type { PathStatus } from '../../../agent/paths/path-status.ts';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { byLength, describeWith } from '../../peers/programs/peers.ts';
import { startProcess } from '../../peers/programs/process.ts';
import { random } from '../../support/base/random.ts';
import { filesBelow } from '../../support/disks/recordings.ts';
import { KEYS } from '../../support/harness/loaded-config.ts';

const SEED = 20_261_120;
const EDITS = byLength(60, 1_000);
/** Each may pull the camera and record: more would only measure the machine. */
const MAX_PATHS = 12;
/** The demo camera's pictures are 9,000 ticks apart: a lost one doubles the distance, however busy the machine is. */
const MAX_BETWEEN_PICTURES_TICKS = 13_500;

const fileText = (source: string) => `# the house, as its owner wrote it
logLevel: info # kept: how much is logged
# kept: before the users
authInternalUsers:
  # kept: everybody
  - user: any
    permissions: [{action: read}, {action: publish}, {action: playback}]
  - user: any # kept: programs of this machine
    ips: [127.0.0.1]
    permissions:
      - action: api
# kept: the cameras
paths:
  # kept: not edited
  untouched: # kept: the gate
    source: ${source}
    record: yes # kept: always
    maxReaders: 50
    recordDeleteAfter: 30d
`;
const COMMENTS = fileText('').match(/# (?:kept|the house).*/g) ?? [];

/** One method of changing settings, and its effect on the paths. */
class Editing {
  readonly paths = new Set(['untouched']);
  readonly #box: Agent;
  readonly #file: string;
  readonly #cookie: string;
  readonly #source: string;
  readonly #rng = random(SEED);
  #count = 0;

  constructor(box: Agent, cookie: string, source: string) {
    this.#box = box;
    this.#file = join(box.dataDir, 'test.yml');
    this.#cookie = cookie;
    this.#source = source;
  }

  get text(): string {
    return readFileSync(this.#file, 'utf8');
  }

  async step(): Promise<void> {
    this.#count += 1;
    const steps = [
      ...[() => this.#add(), () => this.#add(), () => this.#patch(), () => this.#patch(), () => this.#replace()],
      ...[() => this.#remove(), () => this.#global(), () => this.#global(), () => this.#defaults()],
      ...[() => this.#addByHand(), () => this.#addByHand(), () => this.#changeByHand(), () => this.#slip()],
      ...[() => this.#refused(), () => this.#send('POST', 'reload', undefined, 200), () => this.#hangUp()],
    ];
    await (this.paths.size > MAX_PATHS ? this.#remove() : this.#any(steps)());
  }

  #any<T>(list: readonly T[]): T {
    return list[Math.floor(this.#rng() * list.length)] as T;
  }

  /** A path that may be changed; undefined: none. */
  #some(): string | undefined {
    const names = [...this.paths].filter((name) => name !== 'untouched');
    return names.length === 0 ? undefined : this.#any(names);
  }

  #settings(): object {
    return this.#any([
      { record: true },
      { record: false, maxReaders: Math.floor(this.#rng() * 9) },
      { source: this.#source, sourceOnDemand: 'yes', camera: { name: 'Küche' } },
      { source: this.#source, sourceOnDemand: false, record: true, recordSegmentDuration: '10m' },
      { source: 'publisher', sourceOnDemand: false, webrtc: 'no' },
      {},
    ]);
  }

  /** Sends to the API's own port, or like the page: with the owner's session to the main port. */
  async #send(method: string, path: string, body: object | undefined, status: number): Promise<void> {
    const { url, ports } = this.#box;
    const isPage = this.#rng() < 0.5;
    const base = isPage ? url : `http://127.0.0.1:${ports.api}`;
    const headers: Record<string, string> = isPage
      ? { cookie: this.#cookie, origin: url, 'x-perch-ui': '1', 'content-type': 'application/json' }
      : {};
    const answer = await fetch(`${base}/v3/config/${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    expect([method, path, answer.status, answer.ok ? '' : await answer.text()]).toEqual([
      method,
      path,
      status,
      answer.ok ? '' : expect.any(String),
    ]);
  }

  async #add(): Promise<void> {
    const name = this.#any(['yard', 'shed/left', 'attic_2', 'hall.x']) + this.#count;
    await this.#send('POST', `paths/add/${name}`, this.#settings(), 200);
    this.paths.add(name);
  }

  async #patch(): Promise<void> {
    const name = this.#some();
    await this.#send('PATCH', `paths/patch/${name ?? 'none'}`, this.#settings(), name === undefined ? 404 : 200);
  }

  async #replace(): Promise<void> {
    const name = this.#some() ?? 'first';
    await this.#send('POST', `paths/replace/${name}`, this.#settings(), 200);
    this.paths.add(name);
  }

  async #remove(): Promise<void> {
    const name = this.#some();
    await this.#send('DELETE', `paths/delete/${name ?? 'none'}`, undefined, name === undefined ? 404 : 200);
    this.paths.delete(name ?? '');
  }

  async #global(): Promise<void> {
    const users = [
      { user: 'any', permissions: [{ action: 'read' }, { action: 'publish' }, { action: 'playback' }] },
      { user: 'any', ips: ['127.0.0.1'], permissions: [{ action: 'api' }] },
      ...(this.#rng() < 0.5 ? [] : [{ user: `guest${this.#count}`, pass: 'hunter2', permissions: [] }]),
    ];
    const settings = [
      { logLevel: this.#any(['debug', 'info', 'warn']) },
      { playback: this.#any(['yes', 'no']) },
      { recordMinFree: this.#any(['0%', '1%']) },
      { apiAllowOrigins: ['http://a.example'], hlsAllowOrigins: ['*', `http://${this.#count}.example`] },
      { hlsAlwaysRemux: this.#any(['yes', 'no']) },
      { webrtcICEServers2: [{ url: `stun:${this.#count}.example:3478` }] },
      { authInternalUsers: users },
    ];
    await this.#send('PATCH', 'global/patch', this.#any(settings), 200);
  }

  async #defaults(): Promise<void> {
    const settings = [{ maxReaders: 7 }, { recordDeleteAfter: '3d' }, { sourceOnDemandCloseAfter: '5s' }];
    await this.#send('PATCH', 'pathdefaults/patch', this.#any(settings), 200);
  }

  async #refused(): Promise<void> {
    const wrong = [{ foo: 1 }, { record: 'perhaps' }, { maxReaders: -1 }, { source: 'ffmpeg://x' }];
    await this.#send('PATCH', 'paths/patch/untouched', this.#any(wrong), 400);
  }

  #addByHand(): void {
    const name = `hand${this.#count}`;
    const block = `  ${name}: # by hand\n    record: no # ${this.#count}\n`;
    this.#write(this.text.replace(/^paths:\n/m, (line) => line + block));
    this.paths.add(name);
  }

  #changeByHand(): void {
    this.#write(this.text.replace(/record: (no|false) # (\d+)/, 'record: yes # $2'));
  }

  /** An invalid path or file, then an edit elsewhere by the API, then a valid file again. */
  async #slip(): Promise<void> {
    const inPath = `  wrong${this.#count}:\n    record: perhaps\n`;
    const slip = this.#any([inPath, 'recordSyncInterval: soon\n']);
    this.#write(slip === inPath ? this.text.replace(/^paths:\n/m, (line) => line + slip) : slip + this.text);
    await this.#add();
    this.#write(this.text.replace(slip, ''));
  }

  #hangUp(): void {
    this.#box.process.child.kill('SIGHUP');
  }

  /** Writes like editors: in place, or by a new file in place of the old one. */
  #write(text: string): void {
    expect(text).toContain('untouched');
    const isInPlace = this.#rng() < 0.5;
    writeFileSync(isInPlace ? this.#file : `${this.#file}.new`, text);
    if (!isInPlace) {
      renameSync(`${this.#file}.new`, this.#file);
    }
  }
}

/** Follows a stream like an HLS player, and notes every response that a player cannot use. */
async function watchHls(
  agent: Agent,
  path: string,
  stop: AbortSignal,
): Promise<{ readonly lists: number; readonly faults: string[] }> {
  const base = `http://127.0.0.1:${agent.ports.hls}/${path}/`;
  const faults: string[] = [];
  let lists = 0;
  let last = 0;
  const main = await (await fetch(`${base}index.m3u8`)).text();
  const media = main.split('\n').find((line) => /^[^#].*\.m3u8/.test(line)) ?? '';
  while (!stop.aborted) {
    const answer = await fetch(base + media).catch((error: unknown) => new Response(String(error), { status: 599 }));
    const text = await answer.text();
    const sequence = Number(/#EXT-X-MEDIA-SEQUENCE:(\d+)/.exec(text)?.[1] ?? -1);
    if (answer.status !== 200 || sequence < last || text.includes('#EXT-X-DISCONTINUITY\n')) {
      faults.push(`list ${lists}: ${answer.status} sequence ${sequence} after ${last}\n${text.slice(0, 400)}`);
    }
    last = Math.max(last, sequence);
    lists += 1;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  return { lists, faults };
}

const decodeTimes = (framecrc: string): readonly number[] =>
  [...framecrc.matchAll(/^0, +(\d+),/gm)].map(([, ticks]) => Number(ticks));

describeWith(['ffmpeg'], 'editing the configuration', () => {
  test(
    `${EDITS} edits by API, file and page (seed ${SEED}) interrupt no reader of an unchanged path`,
    async () => {
      await using camera = await startAgent({ isOwned: true });
      const source = await until(async () => {
        const { items } = await camera.json<{ items: { name: string; source: string }[] }>('/v3/config/paths/list');
        return items.find(({ name }) => name === 'demo')?.source;
      });
      await using box = await startAgent({ config: `api: yes\n${fileText(source)}`, isOwned: true });
      const status = () => box.json<PathStatus>('/v3/paths/get/untouched');
      const before = await until(async () => {
        const path = await status();
        return path.ready && path.recording?.active ? path : undefined;
      });
      const reading = ['-nostdin', '-v', 'warning', '-rtsp_transport', 'tcp', '-i', box.rtspUrl('untouched')];
      const reader = startProcess('ffmpeg', [
        ...reading,
        '-map',
        '0:v',
        '-c',
        'copy',
        '-flush_packets',
        '1',
        '-f',
        'framecrc',
        '-',
      ]);
      const stop = new AbortController();
      const hls = watchHls(box, 'untouched', stop.signal);
      await reader.waitFor(/^0, .*\n0, /m);
      const readers = (await status()).readers.map(({ id }) => id);

      const editing = new Editing(box, box.headers['cookie'] ?? '', source);
      const wrongs: string[] = [];
      for (let i = 0; i < EDITS; i += 1) {
        await editing.step();
        const { config, problems } = parseConfig(
          editing.text,
          'test.yml',
          {},
          { recordPath: '/%path/%s%f', cwd: '/', keys: KEYS },
        );
        wrongs.push(
          ...(config ? problems.filter(({ severity }) => severity === 'error').map((one) => one.message) : ['?']),
        );
      }
      expect(wrongs).toEqual([]);
      const names = [...editing.paths].sort();
      await until(async () => {
        const { items } = await box.json<{ items: { name: string }[] }>('/v3/config/paths/list?itemsPerPage=2000');
        return JSON.stringify(items.map(({ name }) => name)) === JSON.stringify(names) || undefined;
      });
      expect(COMMENTS.length).toBeGreaterThan(8);
      expect(COMMENTS.filter((comment) => !editing.text.includes(comment))).toEqual([]);

      const after = await status();
      expect(after).toMatchObject({ readyTime: before.readyTime, ready: true, lastError: null });
      expect(after.recording?.since).toBe(before.recording?.since);
      expect(after.readers.map(({ id }) => id)).toEqual(expect.arrayContaining(readers));
      stop.abort();
      const { lists, faults } = await hls;
      expect(faults).toEqual([]);
      expect(lists).toBeGreaterThan(2);
      await reader.stop('SIGINT');
      const times = decodeTimes(reader.output());
      const gaps = times.slice(1).map((ticks, i) => ticks - (times[i] ?? 0));
      expect(times.length).toBeGreaterThan(20);
      expect(Math.max(...gaps)).toBeLessThanOrEqual(MAX_BETWEEN_PICTURES_TICKS);
      const files = filesBelow(box.dataDir).filter(
        (file) => file.includes('recordings/untouched/') && file.endsWith('.mp4'),
      );
      expect(files).toHaveLength(1);
      expect(box.process.output()).not.toContain('hunter2');
    },
    byLength(180_000, 1_800_000),
  );
});
