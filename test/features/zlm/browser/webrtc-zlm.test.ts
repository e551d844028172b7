// @also without-ffi in long

import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Agent, PATIENT, startAgent, until } from '../../../peers/agent/agent.ts';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { PUBLISHED_SIZE, send } from '../../../peers/browser/webrtc-publisher.ts';
import { watch } from '../../../peers/browser/webrtc-viewer.ts';
import { barClip, TINY } from '../../../peers/cameras/bar-clip.ts';
import { publishClip } from '../../../peers/clients/publisher.ts';
import { byLength, describeWith, inLong } from '../../../peers/programs/peers.ts';

const isReady = async (agent: Agent, path: string): Promise<boolean> => {
  const { ready } = await agent.json<{ ready: boolean }>(`/v3/paths/get/${path}`).catch(() => ({ ready: false }));
  return ready;
};

const PICTURES = byLength(2, 20) * 10;

describeWith(['chromium', 'ffmpeg'], "pages that were written for ZLMediaKit's WebRTC", () => {
  let agent: Agent;
  let viewer: Viewer;
  let publisher: AsyncDisposable;

  beforeAll(async () => {
    [agent, viewer] = await Promise.all([
      startAgent({ config: `${PATIENT}api: yes\npaths:\n  all_others:\n` }),
      startViewer(),
    ]);
    publisher = await publishClip(agent, 'cam', await barClip({ ...TINY, audio: 'opus' }), { isEndless: true });
  });

  afterAll(async () => {
    for (const one of [viewer, publisher, agent]) {
      await one?.[Symbol.asyncDispose]();
    }
  });

  /** URL of a call on the main port. */
  const api = (call: string, stream: string, more = ''): string =>
    `${agent.url}/index/api/${call}?app=live&stream=${stream}${more}`;

  inLong(() =>
    test.concurrent('play a camera', async () => {
      const page = await viewer.open(`${agent.url}/health`);
      const watching = await watch(page, { url: api('webrtc', 'cam', '&type=play'), isZlm: true });
      expect(await watching.shown(PICTURES)).toMatchObject({ status: 200, error: '', size: [TINY.width, TINY.height] });
      await page.close();
    }),
  );

  test.concurrent('play by the call named whep, and end the session at the returned address', async () => {
    const page = await viewer.open(`${agent.url}/health`);
    const watching = await watch(page, { url: api('whep', 'cam') });
    const report = await watching.shown(PICTURES);
    expect(report).toMatchObject({ status: 201, error: '' });
    const location = report.headers['location'] ?? '';
    expect(location).toContain('/index/api/delete_webrtc?id=');
    const item = `/v3/webrtcsessions/get/${new URL(location).searchParams.get('id')}`;
    expect(await agent.json(item)).toMatchObject({ path: 'cam', state: 'read' });
    const guess = await fetch(location.replace(/token=.*/, 'token=guess'), { method: 'DELETE' });
    expect([guess.status, await guess.text()]).toEqual([401, 'token incorrect']);
    expect(await watching.close()).toBe(200);
    await expect(agent.json(item)).rejects.toThrow('404');
    await page.close();
  });

  test.concurrent('push a camera that others then play', async () => {
    const page = await viewer.open(`${agent.url}/health`);
    const url = api('webrtc', 'pushed', '&type=push');
    const sending = await send(page, { url, video: 'video/H264', audio: 'audio/opus', isZlm: true });
    expect(await sending.report()).toMatchObject({ status: 200, error: '' });
    // The stream may take a moment to appear: players wait for it.
    const watching = await watch(page, { url: api('webrtc', 'pushed', '&type=play'), isZlm: true });
    expect(await watching.shown(PICTURES)).toMatchObject({ status: 200, error: '', size: PUBLISHED_SIZE });
    await page.close();
  });

  inLong(() =>
    test.concurrent('push by the call named whip, and end the stream at the returned address', async () => {
      const page = await viewer.open(`${agent.url}/health`);
      const sending = await send(page, { url: api('whip', 'sent'), video: 'video/H264', audio: 'audio/opus' });
      expect(await sending.report()).toMatchObject({ status: 201, error: '' });
      const watching = await watch(page, { url: api('whep', 'sent') });
      expect(await watching.shown(PICTURES)).toMatchObject({ status: 201, error: '', size: PUBLISHED_SIZE });
      expect(await agent.json('/v3/paths/get/live/sent')).toMatchObject({ ready: true });
      expect(await sending.close()).toBe(200);
      await until(async () => ((await isReady(agent, 'live/sent')) ? undefined : true));
      await page.close();
    }),
  );

  inLong(() =>
    test.concurrent('see themselves in the echo', async () => {
      const page = await viewer.open(`${agent.url}/health`);
      const url = api('webrtc', 'mirror', '&type=echo');
      const sending = await send(page, { url, video: 'any', audio: 'any', isZlm: true, isEcho: true });
      expect(await sending.report()).toMatchObject({ status: 200, error: '' });
      for (;;) {
        const { returned } = await sending.report();
        if (returned >= PICTURES) {
          break;
        }
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      await page.close();
    }),
  );
});
