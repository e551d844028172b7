import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startAgent } from '../../peers/agent/agent.ts';
import { describeWith } from '../../peers/programs/peers.ts';
import { runProcess } from '../../peers/programs/process.ts';
import { place } from '../../support/harness/config-place.ts';

const OWN = 'perch: own\n# mine\npaths: {}\n';

async function run(command: string, ...args: string[]): Promise<void> {
  const { code, output } = await runProcess(command, args);
  if (code !== 0) {
    throw new Error(`${command} ${args.join(' ')}: ${output}`);
  }
}

/** A mount by itself, as a container has it. */
async function bind(name: string, options: 'ro' | 'rw'): Promise<void> {
  await run('mount', '--bind', name, name);
  onTestFinished(() => run('umount', '-l', name));
  await remount(name, options);
}
const remount = (name: string, options: 'ro' | 'rw') => run('mount', '-o', `remount,bind,${options}`, name);

const add = (name: string) => [{ keyPath: ['paths', name], value: { record: false } }];

describeWith(['mounts'], 'a configuration file that is mounted', () => {
  test.for([
    ['a file that is mounted read-only', ['etc/my.yml ro'], false],
    ['a file in a folder that is mounted read-only', ['etc ro'], false],
    ['a file that is a mount, in a folder that can be written', ['etc/my.yml rw'], true],
    ['a file that is a mount, in a read-only folder', ['etc/my.yml rw', 'etc ro', 'etc/my.yml rw'], true],
  ] as const)('%s: edits take effect', async ([, mounts, isSaved]) => {
    const { cwd, open, write, read, dataDir, logged } = place();
    const file = write('etc/my.yml', OWN);
    for (const [name = '', options] of mounts.map((one) => one.split(' '))) {
      await bind(join(cwd, name), options as 'ro' | 'rw');
    }
    const store = await open(file);
    await store.edit(add('a'));
    await store.edit(add('b'));
    const edited = store.textInForce;
    expect(edited).toContain('# mine');
    expect([...store.current.paths.keys()]).toEqual(['a', 'b']);
    await store.replace(({ text }) => text.replace('# mine', '# yours'), undefined);
    const text = edited.replace('# mine', '# yours');
    expect(await store.refresh()).toEqual({ text, tag: store.tag });
    expect(read('etc/my.yml')).toBe(isSaved ? text : OWN);
    expect(store.unsaved?.message).toEqual(isSaved ? undefined : expect.stringContaining('mounted read-only'));
    expect(logged.filter(({ level }) => level > 30)).toHaveLength(isSaved ? 0 : 1);
    expect(readdirSync(dataDir).filter((name) => name.endsWith('.journal'))).toEqual([]);
  });

  test('by API and page: 200 with a warning, also in log, page and problems; saved once it can be', {
    timeout: 60_000,
  }, async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'perch-read-only-'));
    onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
    const file = join(dataDir, 'perch.yml');
    writeFileSync(file, OWN);
    await bind(file, 'ro');
    await using agent = await startAgent({ dataDir, isOwned: true });
    const send = async (method: string, address: string, body?: object, more = {}) => {
      const headers = { ...agent.headers, 'Content-Type': 'application/json', ...more };
      const answer = await fetch(`${agent.url}/v3/${address}`, { method, headers, body: JSON.stringify(body) });
      return [answer.status, answer.headers.get('Perch-Unsaved')];
    };
    const warned = [200, expect.stringMatching(/^\/.*perch\.yml: mounted read-only, .* next start only: mount /)];
    expect(await send('POST', 'config/paths/add/door', { record: false })).toEqual(warned);
    expect(await send('PATCH', 'config/global/patch', { logLevel: 'debug' })).toEqual(warned);
    expect(await send('PATCH', 'config/pathdefaults/patch', { maxReaders: 7 })).toEqual(warned);
    expect(await send('POST', 'config/paths/add/gate', { record: false })).toEqual(warned);
    expect(await send('POST', 'config/paths/replace/gate', { maxReaders: 3 })).toEqual(warned);
    expect(await send('DELETE', 'config/paths/delete/door')).toEqual(warned);
    const { text, tag } = await agent.json<{ text: string; tag: string }>('/v3/config/file');
    expect(text).toContain('maxReaders: 3');
    const typed = { text: text.replace('# mine', '# yours') };
    expect(await send('PUT', 'config/file', typed, { 'If-Match': `"${tag}"` })).toEqual(warned);
    expect(await send('POST', 'config/file/check', typed)).toEqual([200, null]);
    expect(await agent.json('/v3/config/paths/list')).toMatchObject({ items: [{ name: 'gate', maxReaders: 3 }] });
    expect(await agent.json('/v3/config/global/get')).toMatchObject({ logLevel: 'debug' });
    const notice = expect.stringContaining('perch.yml: mounted read-only');
    expect(await agent.json('/v3/session')).toMatchObject({ warnings: [{ why: 'notSaved', file, text: notice }] });
    expect(await agent.json('/v3/problems/list')).toMatchObject({
      items: [{ kind: 'configuration', why: 'notSaved', text: notice }],
    });
    expect(agent.process.output().split('the configuration cannot be saved')).toHaveLength(2);
    expect(readFileSync(file, 'utf8')).toBe(OWN);

    // A signal, such as logrotate's, keeps them; the next change after the mount is writable saves all.
    agent.process.child.kill('SIGHUP');
    await remount(file, 'rw');
    expect(await send('POST', 'config/paths/add/yard', { record: false })).toEqual([200, null]);
    expect(readFileSync(file, 'utf8')).toMatch(/# yours.*gate:.*yard:/s);
    expect(await agent.json('/v3/problems/list')).toMatchObject({ items: [] });
    await agent.process.waitFor(/can be written again/);
  });

  test('an editor that writes the file replaces what could not be saved', async () => {
    const { cwd, open, write, dataDir } = place();
    mkdirSync(dataDir);
    const file = write('etc/my.yml', OWN);
    await bind(join(cwd, 'etc'), 'ro');
    const store = await open(file);
    await store.edit(add('a'));
    expect(await store.reload()).toBe(true);
    expect([...store.current.paths.keys()]).toEqual(['a']);
    await remount(join(cwd, 'etc'), 'rw');
    writeFileSync(file, OWN.replace('{}', '{ b: {} }'));
    expect(await store.reload()).toBe(true);
    expect([...store.current.paths.keys()]).toEqual(['b']);
    expect(store.unsaved).toBeUndefined();
  });
});
