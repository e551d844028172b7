import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { KEY_FRAMES } from '../test/support/media/tiny-streams.ts';
import { bundleAgent, ONE_SCRIPT, PLUGINS, toCommonJs } from './bundle.ts';

/** Outside of the repository and any node_modules. */
const folder = mkdtempSync(join(tmpdir(), 'perch-bundle-'));
const script = join(folder, 'agent/perch.cjs');
let bundle: ReadonlyMap<string, Uint8Array>;

beforeAll(async () => {
  bundle = await bundleAgent('7.6.5');
  await mkdir(join(folder, 'agent'));
  for (const [name, bytes] of bundle) {
    writeFileSync(join(folder, 'agent', name), bytes);
  }
});
afterAll(() => rm(folder, { recursive: true }));

const run = (...args: string[]): string =>
  spawnSync(process.execPath, [script, ...args], { cwd: folder, encoding: 'utf8' }).stdout;

test("SQLite is loaded without the warning that some versions of Node say by it: never by the bundle's own imports", () => {
  for (const [name, bytes] of bundle) {
    expect(Buffer.from(bytes).toString(), name).not.toMatch(/require\(["']node:sqlite["']\)/);
  }
});

test('ONVIF calls cause no deprecation warning for `url.parse`', async () => {
  const { outputFiles } = await build({
    ...ONE_SCRIPT,
    stdin: {
      contents: `
        import { sendRequest } from './agent/onvif/device/requests.ts';
        const session = { call: async (service, body) => console.log(service, body.includes('GetHostname')) };
        sendRequest(session, ({ device }) => device.getHostname());
        process.emitWarning('something else', 'DeprecationWarning', 'DEP0000');
      `,
      resolveDir: join(import.meta.dirname, '..'),
    },
    plugins: PLUGINS,
  });
  const asking = join(folder, 'asking.cjs');
  writeFileSync(asking, outputFiles[0]?.contents ?? '');
  // Older Nodes warn only with this flag.
  const flags = ['--pending-deprecation', asking];
  const { stdout, stderr } = spawnSync(process.execPath, flags, { cwd: folder, encoding: 'utf8' });
  expect(stdout).toBe('device true\n');
  expect(stderr).toContain('something else');
  expect(stderr).not.toContain('DEP0169');
});

test('the shipped files contain no folder of this machine', () => {
  const root = join(import.meta.dirname, '..');
  for (const [name, bytes] of bundle) {
    expect(Buffer.from(bytes).includes(root), name).toBe(false);
  }
});

test('it prints the version that its package is made with and reports errors of a configuration', () => {
  expect(run('--version')).toBe('7.6.5\n');
  writeFileSync(join(folder, 'wrong.yml'), 'hlsVariant: fast\n');
  expect(run('check', 'wrong.yml')).toContain('hlsVariant');
});

test.for(['doctor', 'status', 'logs', 'restart'])('started by hand, it refers %s to the packages', (command) => {
  const { stderr, status } = spawnSync(process.execPath, [script, command], { cwd: folder, encoding: 'utf8' });
  expect(stderr).toBe(
    `Perch: perch ${command} works only where Perch was installed as a package: see Settings, System on its page instead\n`,
  );
  expect(status).toBe(1);
});

test('the program starts without the code of protocols that are off, and loads it from a part of its own', () => {
  const holding = (text: string) =>
    [...bundle].filter(([, bytes]) => Buffer.from(bytes).includes(text)).map(([name]) => name);
  // Each of these stands in the code of one protocol only.
  for (const text of [
    'the SRT server was switched off',
    'the RTMP server was switched off',
    'createSelfSignedCertificateWithKey=',
  ]) {
    const [part = '', ...others] = holding(text);
    expect(others, text).toEqual([]);
    expect(part).not.toMatch(/^(?:perch|app-)/);
  }
});

test('a part that is missing is reported with the way out', async () => {
  const broken = join(folder, 'broken');
  await mkdir(broken);
  for (const [name, bytes] of bundle) {
    if (!Buffer.from(bytes).includes('the SRT server was switched off')) {
      writeFileSync(join(broken, name), bytes);
    }
  }
  const off = 'webrtc: no\nrtsp: no\nrtmp: no\nhls: no\nplayback: no\napi: no\nmetrics: no\nmdns: no\n';
  writeFileSync(
    join(broken, 'perch.yml'),
    `address: 127.0.0.1:0\n${off}srt: yes\nsrtAddress: 127.0.0.1:0\npaths: {}\n`,
  );
  const agent = spawn(process.execPath, ['perch.cjs', '--data', 'data', 'perch.yml'], { cwd: broken });
  let output = '';
  try {
    for await (const line of createInterface(agent.stdout)) {
      output += `${line}\n`;
      if (line.includes('Perch is at')) {
        break;
      }
    }
  } finally {
    agent.kill();
    await once(agent, 'exit');
  }
  expect(output).toMatch(
    /failed to start; other components are unaffected part="SRT server" reason=".*cannot be loaded/,
  );
});

test('Opus and the decoder of pictures are files of their own', () => {
  const files = [...bundle].filter(([file]) => file.endsWith('.wasm'));
  expect(files.map(([name]) => name)).toEqual(['decoder.wasm', expect.stringMatching(/^libopus-/)]);
  for (const [, bytes] of files) {
    expect(WebAssembly.validate(Buffer.from(bytes))).toBe(true);
  }
});

test('regular expressions are a script of their own, loaded with the first one', () => {
  expect(bundle.has('re2.cjs')).toBe(true);
  expect(Buffer.from(bundle.get('perch.cjs') ?? []).includes('RE2JSSyntaxException')).toBe(false);
  const file = join(folder, 'patterns.yml');
  writeFileSync(file, 'paths: {"~(?i)^cam": , "~(?=x)": }');
  const { stdout } = spawnSync(process.execPath, [script, 'check', file], { encoding: 'utf8' });
  expect(stdout).toContain('paths.~(?=x): ');
  expect(stdout).toContain('is not a regular expression of RE2');
  expect(stdout).not.toContain('cam');
});

test('its threads are threads, not second programs', async () => {
  const parameters = {
    algorithm: 'argon2id',
    memoryKib: 8,
    passes: 1,
    lanes: 1,
    salt: Buffer.alloc(8),
    hash: Buffer.alloc(16),
  };
  const password = new Worker(join(folder, 'agent/argon2-worker.cjs'), { workerData: { text: 'secret', parameters } });
  const [hash] = await once(password, 'message');
  expect(hash).toHaveLength(16);

  const audio = new Worker(join(folder, 'agent/worker.cjs'));
  audio.postMessage({ type: 'open', job: 7, target: 'opus', track: { kind: 'audio', codec: 'no such codec' } });
  const [failure] = await once(audio, 'message');
  expect(failure).toMatchObject({ type: 'failure', job: 7 });

  const picture = new Worker(join(folder, 'agent/picture-worker.cjs'));
  picture.postMessage({ coded: KEY_FRAMES.h265(), width: undefined });
  const [made] = await once(picture, 'message');
  expect(made.jpeg.length).toBeGreaterThan(1_000);

  await Promise.all([password.terminate(), audio.terminate(), picture.terminate()]);
});

test('it serves with nothing but itself and the page', async () => {
  writeFileSync(
    join(folder, 'perch.yml'),
    'address: 127.0.0.1:0\nwebrtc: no\nrtsp: no\nrtmp: no\nhls: no\nplayback: no\napi: no\nmetrics: no\npaths: {}\n',
  );
  await mkdir(join(folder, 'webui/dist'), { recursive: true });
  writeFileSync(join(folder, 'webui/dist/index.html'), '<p>the page</p>');
  const agent = spawn(process.execPath, [script, '--data', 'data', 'perch.yml'], { cwd: folder });
  try {
    for await (const line of createInterface(agent.stdout)) {
      const [, address] = /Perch is at (http:\S+)/.exec(line) ?? [];
      if (address !== undefined) {
        expect((await fetch(`${address}health`)).status).toBe(200);
        expect(await (await fetch(address)).text()).toBe('<p>the page</p>');
        return;
      }
    }
    expect.unreachable('it ended without a word of its address');
  } finally {
    agent.kill();
    await once(agent, 'exit');
  }
});

const OPTIONS = { target: 'node22.13', sourcefile: 'part.cjs', maps: false };

async function load(text: string, parts: Readonly<Record<string, object>> = {}): Promise<Record<string, unknown>> {
  const { code } = await toCommonJs(text, OPTIONS);
  const module = { exports: {} as Record<string, unknown> };
  const require = (name: string): object => parts[name] ?? process.getBuiltinModule(name) ?? {};
  runInNewContext(code, { module, require });
  return module.exports;
}

test('exports have their names, whatever characters esbuild chose, and stay live', async () => {
  const part = await load('let n=1;function add(){n+=1}export{n as $,add as a$,n as default,add as _};');
  expect(Object.keys(part).sort()).toEqual(['$', '_', 'a$', 'default']);
  expect([part['$'], part['default']]).toEqual([1, 1]);
  (part['a$'] as () => void)();
  expect([part['$'], part['default']]).toEqual([2, 2]);
});

test('other parts are used as they are, modules of Node by name and as a whole', async () => {
  const other = { a: 5, default: 6 };
  const part = await load(
    `import{a}from"./a.cjs";import path from"node:path";import*as os from"node:os";export{a as x,late as y,z};
    const late=()=>import("./a.cjs");const z=[path.sep,typeof os.cpus];`,
    { './a.cjs': other },
  );
  expect(part['x']).toBe(5);
  expect(await (part['y'] as () => Promise<object>)()).toBe(other);
  expect(part['z']).toEqual(['/', 'function']);
});

test('no helper of esbuild is left in a part that has only names', async () => {
  const { code } = await toCommonJs('import{b}from"./b.cjs";function f(){return b}export{f as g};', OPTIONS);
  expect(code).not.toMatch(/defineProperty|__esModule|0&&/);
  expect(code.length).toBeLessThan(110);
});
