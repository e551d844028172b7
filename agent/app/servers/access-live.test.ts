import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { freePort } from '../../../test/support/base/free-port.ts';
import { RtspCaller } from '../../../test/support/clients/rtsp-caller.ts';
import { systemClock } from '../../base/clock.ts';
import { createLogger } from '../../base/log.ts';
import { App } from '../app.ts';

const SDP =
  'v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:0\r\n';
const basic = (user: string) => ['Authorization', `Basic ${Buffer.from(`${user}:secret`).toString('base64')}`] as const;
const userOf = (user: string) =>
  `authInternalUsers:\n- user: ${user}\n  pass: secret\n  permissions: [{action: publish}, {action: api}]\n`;

test('changed users apply from the next request, and no session ends', async () => {
  // Wrong credentials wait for none of their four seconds.
  const unpaused = vi.spyOn(Math, 'random').mockReturnValue(0);
  const folder = mkdtempSync(join(tmpdir(), 'perch-live-'));
  const port = await freePort();
  const write = (user: string) =>
    writeFileSync(
      join(folder, 'perch.yml'),
      `address: 127.0.0.1:0\nrtspAddress: 127.0.0.1:${port}\nrtspTransports: [tcp]\nrtmp: no\nhls: no\nsrt: no\nwebrtc: no\npaths:\n  door:\n  yard:\n${userOf(user)}`,
    );
  write('tom');
  const app = await App.start({
    ...{ version: '0', dataDir: folder, cwd: folder, env: {}, pageFolder: folder },
    ...{ clock: systemClock, log: createLogger('silent', () => {}), discovery: { only: [] } },
  });
  onTestFinished(async () => {
    unpaused.mockRestore();
    await app.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const uri = (path: string) => `rtsp://127.0.0.1:${port}/${path}`;
  const announce = async (user: string, path: string) => {
    const caller = await RtspCaller.connect(port);
    onTestFinished(() => caller[Symbol.dispose]());
    const { status } = await caller.ask('ANNOUNCE', uri(path), [basic(user), ['Content-Type', 'application/sdp']], SDP);
    return { caller, status };
  };
  const { caller, status } = await announce('tom', 'door');
  expect(status).toBe(200);
  const transport = ['Transport', 'RTP/AVP/TCP;unicast;interleaved=0-1;mode=record'] as const;
  expect((await caller.ask('SETUP', `${uri('door')}/0`, [basic('tom'), transport])).status).toBe(200);
  expect((await caller.ask('RECORD', uri('door'), [basic('tom')])).status).toBe(200);

  write('eve');
  await app.reload();
  await expect.poll(async () => (await announce('eve', 'yard')).status).toBe(200);
  expect((await announce('tom', 'yard')).status).toBe(401);
  expect((await caller.ask('GET_PARAMETER', uri('door'))).status).toBe(200);
  const list = await fetch(`http://127.0.0.1:${app.mainPort}/v3/rtspsessions/list`, {
    headers: Object.fromEntries([basic('eve')]),
  });
  const { items } = (await list.json()) as { items: readonly object[] };
  expect(items).toContainEqual(expect.objectContaining({ path: 'door', state: 'publish', user: 'tom' }));
});
