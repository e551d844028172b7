import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { PathStatus } from '../../../agent/paths/path-status.ts';
import { startAgent, until } from '../../peers/agent/agent.ts';
import { smallClip } from '../../peers/cameras/camera.ts';
import { describeWith } from '../../peers/programs/peers.ts';
import { startProcess } from '../../peers/programs/process.ts';
import { freePort } from '../../support/base/free-port.ts';
import { temporaryFolder } from '../../support/disks/recordings.ts';

const MODULES = ['mpm_event', 'authn_core', 'authn_file', 'authz_core', 'authz_user', 'auth_digest'];

/** Nonces are valid for two seconds. */
const configOf = (folder: string, port: number): string => `
${MODULES.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join('\n')}
ServerRoot ${folder}
PidFile ${folder}/pid
ErrorLog ${folder}/error.log
LogFormat "%u %>s %U" short
CustomLog ${folder}/access.log short
ServerName localhost
User www-data
Group www-data
StartServers 1
Listen 127.0.0.1:${port}
DocumentRoot ${folder}/files
<Directory ${folder}/files>
  AuthType Digest
  AuthName cameras
  AuthUserFile ${folder}/users
  AuthDigestNonceLifetime 2
  Require valid-user
</Directory>
`;

describeWith(['apache', 'ffmpeg'], 'an HLS server that wants Digest', () => {
  test('is played, also with further nonces', { timeout: 120_000 }, async () => {
    using folder = temporaryFolder();
    const { path } = folder;
    const port = await freePort();
    const files = join(path, 'files');
    mkdirSync(files);
    chmodSync(path, 0o755);
    const hash = createHash('md5').update('tom:cameras:a b').digest('hex');
    writeFileSync(join(path, 'users'), `tom:cameras:${hash}\n`);
    writeFileSync(join(path, 'apache.conf'), configOf(path, port));
    const input = ['-nostdin', '-v', 'error', '-re', '-stream_loop', '-1', '-i', await smallClip(4), '-c', 'copy'];
    const live = ['-f', 'hls', '-hls_time', '1', '-hls_list_size', '6', '-hls_flags', 'delete_segments'];
    const encoder = startProcess('ffmpeg', [...input, ...live, join(files, 'live.m3u8')]);
    const server = startProcess('/usr/sbin/apache2', ['-DFOREGROUND', '-f', join(path, 'apache.conf')]);
    try {
      await until(() => existsSync(join(files, 'live.m3u8')) || undefined);
      const source = `http://tom:a%20b@127.0.0.1:${port}/live.m3u8`;
      await using agent = await startAgent({ config: `paths:\n  cam: {source: '${source}'}\n` });
      const access = () => readFileSync(join(path, 'access.log'), 'utf8').trim().split('\n');
      const count = (answer: string) => access().filter((line) => line.startsWith(answer)).length;
      // Longer than the nonces are valid: the server names the next one with its answers.
      await until(() => count('tom 200 /live') >= 10 || undefined);
      const { ready, bytesReceived } = await agent.json<PathStatus>('/v3/paths/get/cam');
      expect(ready).toBe(true);
      expect(bytesReceived).toBeGreaterThan(0);
      expect(count('- 401 ')).toBeGreaterThan(0);
      expect(count('- 401 ')).toBeLessThan(4);
      expect(count('tom 200 ')).toBe(access().length - count('- 401 '));
      expect(agent.process.output()).not.toContain('no picture from the camera');
    } finally {
      await server.stop();
      await encoder.stop();
    }
  });
});
