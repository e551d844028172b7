import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';

/** @param pull shell commands of a registry's reply to a pull of latest @returns the pushed tags */
function push(version: string, pull: string, latest = '') {
  const folder = mkdtempSync(join(tmpdir(), 'perch-push-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const architecture of ['amd64', 'arm64']) {
    writeFileSync(join(folder, `perch-container_${version}_${architecture}.tar.gz`), gzipSync('image'));
  }
  const buildah = `#!/bin/sh
case "$*" in
'pull --quiet docker://'*) ${pull} ;;
'pull '* | 'from '* | 'commit '*) echo image ;;
'inspect '*) echo '${latest}' ;;
'manifest push '*) for it; do :; done; echo "$it" >> ${folder}/pushed ;;
esac
`;
  writeFileSync(join(folder, 'buildah'), buildah);
  chmodSync(join(folder, 'buildah'), 0o755);
  writeFileSync(join(folder, 'pushed'), '');
  const env = { PATH: `${folder}:/usr/bin:/bin` };
  const words = [join(import.meta.dirname, 'push'), folder, 'registry.invalid/perch'];
  const { status, stderr } = spawnSync('sh', words, { env, encoding: 'utf8' });
  const pushed = readFileSync(join(folder, 'pushed'), 'utf8').trim().split('\n');
  return { status, stderr, tags: pushed.map((one) => one.replace('docker://registry.invalid/', '')) };
}
const both = (...tags: readonly string[]) => tags.flatMap((tag) => [`perch:${tag}`, `perch-home-assistant:${tag}`]);

test.for([
  ['1.2.3', '1.2.3', '', ['1.2.3', 'latest']],
  ['1.10.0', '1.10.0', '1.9.9', ['1.10.0', 'latest']],
  ['1.2.3', '1.2.3', '1.2.3~rc1', ['1.2.3', 'latest']],
  ['1.2.4', '1.2.4', '1.3.0', ['1.2.4']],
  ['1.3.0~rc1', '1.3.0-rc1', '1.3.0', ['1.3.0-rc1']],
] as const)('version %s with the tag %s after "%s" is pushed as %s', ([version, , latest, tags]) => {
  expect(push(version, 'echo image', latest)).toEqual({ status: 0, stderr: '', tags: both(...tags) });
});

test('the first image of an address is the latest one', () => {
  const unknown = 'echo "reading manifest latest: manifest unknown" >&2; exit 125';
  expect(push('1.2.3', unknown)).toMatchObject({ status: 0, tags: both('1.2.3', 'latest') });
});

test('nothing is pushed when the registry does not answer which version is the latest', () => {
  const failed = push('1.2.3', 'echo "connection refused" >&2; exit 125');
  expect(failed).toEqual({ status: 1, stderr: 'connection refused\n', tags: [''] });
});
