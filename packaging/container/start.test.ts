import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

const HERE = import.meta.dirname;

/**
 * The script with folders of the test.
 * @param program in place of Perch
 * @param isVolume whether /data is a mount
 * @param isMounted the same of /mediamtx.yml
 */
function script(program: string, isVolume = true, isMounted = false) {
  const root = mkdtempSync(join(tmpdir(), 'perch-container-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  const file = (name: string, text: string) => {
    writeFileSync(join(root, name), text);
    chmodSync(join(root, name), 0o755);
    return join(root, name);
  };
  const data = join(root, 'data');
  mkdirSync(data);
  const mount = (point: string) => `36 35 98:0 /volumes/x ${point} rw,noatime shared:1 - ext4 /dev/sda1 rw\n`;
  file(
    'mountinfo',
    mount('/') +
      mount(`${data}base`) +
      (isVolume ? mount(data) : '') +
      (isMounted ? mount(join(root, 'mediamtx.yml')) : ''),
  );
  file('first.yml', 'perch: own\n');
  // Not root, which would become the user perch.
  file('id', '#!/bin/sh\necho 10000\n');
  file('run', `#!/bin/sh\necho "$*" >> ${root}/calls\n${program}\n`);
  const source = readFileSync(join(HERE, 'start'), 'utf8')
    .replace('data=/data', `data=${data}`)
    .replaceAll('/mediamtx.yml', join(root, 'mediamtx.yml'))
    .replaceAll('/proc/self/mountinfo', join(root, 'mountinfo'))
    .replaceAll('/usr/share/perch/perch.yml', join(root, 'first.yml'))
    .replaceAll('/usr/lib/perch/run', join(root, 'run'))
    .replaceAll('/tmp/perch', join(root, 'runtime'));
  const env = { PATH: `${root}:/usr/bin:/bin` };
  return { root, data, start: file('start', source), env, calls: () => readFileSync(join(root, 'calls'), 'utf8') };
}

test('a container without a volume for its data is rejected', () => {
  const { start, env, data } = script('exit 0', false);
  const { stderr, status } = spawnSync('sh', [start], { env, encoding: 'utf8' });
  expect({ stderr, status }).toEqual({
    stderr: `perch: ${data} is not a volume, and a container loses its other files: start it with -v perch-data:${data}\n`,
    status: 1,
  });
});

test("with MediaMTX's file mounted it starts without a volume, says so to Perch, and makes no configuration", () => {
  const { root, start, env, data, calls } = script('echo "temporary: $PERCH_TEMPORARY_DATA"', false, true);
  const config = join(root, 'mediamtx.yml');
  writeFileSync(config, 'paths: {}\n');
  const { stdout, stderr, status } = spawnSync('sh', [start], { env, encoding: 'utf8' });
  expect({ stdout, stderr, status }).toEqual({ stdout: 'temporary: yes\n', stderr: '', status: 0 });
  expect(calls()).toBe(`--data ${data} ${config}\n`);
  expect(readdirSync(data)).toEqual([]);
});

test('an empty file of MediaMTX is used, with a line that says what it means', () => {
  const { root, start, env, data, calls } = script('exit 0', false, true);
  const config = join(root, 'mediamtx.yml');
  writeFileSync(config, '');
  const { stderr, status } = spawnSync('sh', [start], { env, encoding: 'utf8' });
  const said = `perch: ${config} is empty: the defaults of MediaMTX apply, with which everyone may publish and play\n`;
  expect({ stderr, status }).toEqual({ stderr: said, status: 0 });
  expect(calls()).toBe(`--data ${data} ${config}\n`);
});

test("with a volume MediaMTX's file is used, too; a file that is not mounted does not replace the volume", () => {
  const both = script('echo "temporary: $PERCH_TEMPORARY_DATA"', true, true);
  const config = join(both.root, 'mediamtx.yml');
  writeFileSync(config, 'paths: {}\n');
  expect(spawnSync('sh', [both.start], { env: both.env, encoding: 'utf8' }).stdout).toBe('temporary: \n');
  expect(both.calls()).toBe(`--data ${both.data} ${config}\n`);

  const copied = script('exit 0', false);
  writeFileSync(join(copied.root, 'mediamtx.yml'), 'paths: {}\n');
  expect(spawnSync('sh', [copied.start], { env: copied.env, encoding: 'utf8' }).stderr).toContain('is not a volume');
});

test('a mounted file that does not exist is a folder in the container, and is rejected', () => {
  const { root, start, env } = script('exit 0', false, true);
  mkdirSync(join(root, 'mediamtx.yml'));
  const { stderr, status } = spawnSync('sh', [start], { env, encoding: 'utf8' });
  expect(status).toBe(1);
  expect(stderr).toMatch(/mediamtx\.yml is a folder: the file that is mounted there does not exist\n$/);
});

test('the first start writes a configuration, and later ones keep it', () => {
  const { start, env, data, calls } = script('exit 3');
  expect(spawnSync('sh', [start], { env }).status).toBe(3);
  expect(readFileSync(join(data, 'perch.yml'), 'utf8')).toBe('perch: own\n');
  writeFileSync(join(data, 'perch.yml'), 'perch: own\nmdns: no\n');
  spawnSync('sh', [start], { env });
  expect(readFileSync(join(data, 'perch.yml'), 'utf8')).toBe('perch: own\nmdns: no\n');
  expect(calls()).toBe(`--data ${data} ${data}/perch.yml\n`.repeat(2));
});

test('--server makes it a server before the first start, and later changes stay', () => {
  const { root, start, env, data, calls } = script('exit 3');
  writeFileSync(
    join(root, 'run'),
    `#!/bin/sh\necho "$*" >> ${root}/calls\n[ "$1" = server ] || exit 3\nprintf 'server: true\\nacmeDomains: [%s]\\n' "$2" >> "$5"\n`,
  );
  const run = (...words: readonly string[]) => spawnSync('sh', [start, ...words], { env, encoding: 'utf8' });
  expect(run('--server', 'a.example')).toMatchObject({ status: 3, stderr: '' });
  expect(run('--server', 'A.example')).toMatchObject({ status: 3, stderr: '' });
  expect(run('--server', 'b.example')).toMatchObject({
    status: 3,
    stderr: expect.stringContaining('does not name b.example: add it with perch --server b.example'),
  });
  const begun = `--data ${data} ${data}/perch.yml\n`;
  expect(calls()).toBe(`server a.example ${begun}${begun.repeat(3)}`);
});

test('a name that is none starts nothing', () => {
  const { start, env, calls } = script('[ "$1" != server ] || exit 1');
  expect(spawnSync('sh', [start, '--server', 'x y'], { env, encoding: 'utf8' }).status).toBe(1);
  expect(calls()).toMatch(/^server x y --data [^\n]+\n$/);
});

test('an empty configuration of an interrupted first start is replaced, and one that cannot be written starts nothing', () => {
  const { start, env, data, root } = script('exit 3');
  writeFileSync(join(data, 'perch.yml'), '');
  writeFileSync(join(data, 'perch.yml.new'), 'per');
  expect(spawnSync('sh', [start], { env }).status).toBe(3);
  expect(readFileSync(join(data, 'perch.yml'), 'utf8')).toBe('perch: own\n');
  expect(readdirSync(data)).toEqual(['perch.yml']);

  rmSync(join(data, 'perch.yml'));
  // A full disk: cp has written a part.
  writeFileSync(join(root, 'cp'), '#!/bin/sh\nprintf per > "$2"\nexit 1\n');
  chmodSync(join(root, 'cp'), 0o755);
  const { stderr, status } = spawnSync('sh', [start], { env, encoding: 'utf8' });
  expect({ stderr, status }).toEqual({ stderr: `perch: ${data}/perch.yml cannot be written\n`, status: 1 });
  expect(existsSync(join(data, 'perch.yml'))).toBe(false);
});

test.for([85, 70, 137])('Perch is started again after code %i', (code) => {
  const { root, start, env, calls } = script('');
  writeFileSync(
    join(root, 'run'),
    `#!/bin/sh\necho x >> ${root}/calls\n[ "$(wc -l < ${root}/calls)" = 3 ] || exit ${code}\nexit 4\n`,
  );
  expect(spawnSync('sh', [start], { env }).status).toBe(4);
  expect(calls()).toBe('x\nx\nx\n');
});

test.for([
  { when: 'once Perch runs', from: '', to: '' },
  {
    when: 'before the script knows its process',
    from: 'child=$!',
    to: 'while [ ! -e "$data/signalled" ]; do sleep 0.05; done\n\tchild=$!',
  },
])(
  'the end of the container, $when, waits until Perch has ended, which is not started again',
  { timeout: 20_000 },
  async (row) => {
    const { start, env, calls, data } = script(
      `trap 'echo stopping; sleep 0.2; echo stopped; exit 85' TERM\necho ready\nwhile :; do sleep 0.05; done`,
    );
    const source = readFileSync(start, 'utf8');
    expect(source).toContain(row.from);
    writeFileSync(start, source.replace(row.from, row.to));
    // A group of its own: a failure leaves no process behind.
    const child = spawn('sh', [start], { env, stdio: ['ignore', 'pipe', 'ignore'], detached: true });
    onTestFinished(() => void (child.exitCode ?? process.kill(-(child.pid ?? 0), 'SIGKILL')));
    const said: string[] = [];
    const closed = once(child, 'close');
    child.stdout.on('data', (chunk: Buffer) => {
      said.push(chunk.toString());
      if (chunk.toString().includes('ready')) {
        child.kill('SIGTERM');
        writeFileSync(join(data, 'signalled'), '');
      }
    });
    expect(await closed).toEqual([85, null]);
    expect(said.join('')).toBe('ready\nstopping\nstopped\n');
    expect(calls().split('\n')).toHaveLength(2);
  },
);
