import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { describeWith } from '../../peers/programs/peers.ts';

const POSTRM = join(import.meta.dirname, '../../../packaging/debian/perch/postrm');
/** Files of the package, and recordings. */
const GOING = [
  'etc/perch/perch.yml',
  'etc/perch/.more/key',
  'var/cache/perch/v8/code',
  'var/lib/perch-update/good/run',
];
const STAYING = 'var/lib/perch/recordings/door.mp4';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'perch-purge-'));
  for (const path of [...GOING, STAYING, 'elsewhere/of-others', 'bin/deb-systemd-helper', 'bin/systemctl']) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), '');
    chmodSync(join(root, path), 0o755);
  }
  symlinkSync(join(root, 'elsewhere'), join(root, 'etc/perch/link'));
});
afterEach(() => rmSync(root, { recursive: true }));

/** @param before shell commands in the same mount namespace */
function purge(before = '', by: readonly string[] = []): void {
  const script = readFileSync(POSTRM, 'utf8').replaceAll(/ (\/(?:etc|var)\/)/g, ` ${root}$1`);
  writeFileSync(join(root, 'postrm'), script);
  const env = { PATH: `${root}/bin:/usr/sbin:/usr/bin:/sbin:/bin` };
  const [program = '', ...words] = [...by, 'sh', '-ec', `${before}\nexec sh "$1/postrm" purge`, 'purge', root];
  execFileSync(program, words, { env, stdio: ['ignore', 'pipe', 'pipe'] });
}
const rest = () =>
  readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => /^(?:etc|var|elsewhere)\//.test(path))
    .sort();

test('a purge removes the configuration, and keeps recordings and the target of a link', () => {
  purge();
  expect(rest()).toEqual([
    'elsewhere/of-others',
    'var/cache',
    'var/lib',
    'var/lib/perch',
    'var/lib/perch/recordings',
    STAYING,
  ]);
});

describeWith(['mounts'], 'on a root with folders of another partition', () => {
  test('a purge empties these folders and keeps them', () => {
    const folders = ['etc/perch', 'var/cache/perch', 'var/lib/perch-update'];
    const mount = folders.map((path) => `mount --bind "$1/${path}" "$1/${path}"`).join('\n');
    purge(mount, ['unshare', '--mount', '--propagation', 'private']);
    expect(rest()).toEqual([
      'elsewhere/of-others',
      'etc/perch',
      'var/cache',
      'var/cache/perch',
      'var/lib',
      'var/lib/perch',
      'var/lib/perch-update',
      'var/lib/perch/recordings',
      STAYING,
    ]);
  });
});
